/**
 * The fold of a session's events: the same as workshop/progress.go, and held
 * to it by the golden vectors of workshop/testdata/progress.json. Pure.
 */
import type { Achievement, JournalEvent, Participant, Person, Progress, Verdict } from './protocol';

export function newProgress(): Progress {
  return { seq: 0, place: { slide: '', step: 0 }, order: [], people: {} };
}

/** Mends what an encoder may leave out of a snapshot, so that the rest need not ask. */
export function readSnapshot(p: Progress): Progress {
  return { ...p, place: p.place ?? { slide: '', step: 0 }, order: p.order ?? [], people: p.people ?? {} };
}

/**
 * Folds one event into p, in place. An event that is not newer than what was
 * folded changes nothing; the answer says whether something was folded.
 */
export function apply(p: Progress, e: JournalEvent): boolean {
  if (e.seq <= p.seq) return false;
  p.seq = e.seq;
  if (applyToRoom(p, e)) return true;
  const person = e.participant === undefined ? undefined : p.people[e.participant];
  if (person) {
    person.lastSeen = e.at;
    applyToPerson(person, e);
  }
  return true;
}

function applyToRoom(p: Progress, e: JournalEvent): boolean {
  switch (e.kind) {
    case 'session.created':
      p.session = e.session;
      return true;
    case 'session.ended':
      p.ended = true;
      return true;
    case 'slide.moved':
      if (e.place) p.place = { ...e.place };
      return true;
    case 'driver.changed':
      p.driver = e.participant;
      return true;
    case 'announcement.made':
      p.announcement = e.text;
      return true;
    case 'participant.joined':
      if (e.person) join(p, e, e.person);
      return true;
    default:
      return false;
  }
}

function join(p: Progress, e: JournalEvent, who: Participant) {
  const known = p.people[who.id];
  if (known) {
    Object.assign(known, who);
    return;
  }
  p.order.push(who.id);
  p.people[who.id] = {
    ...who,
    status: 'working',
    statusSince: e.at,
    place: { slide: '', step: 0 },
    lab: { state: 'preparing' },
    lastSeen: e.at,
    exercises: {},
  };
}

function applyToPerson(person: Person, e: JournalEvent) {
  switch (e.kind) {
    case 'place.changed':
      if (e.place) person.place = { ...e.place };
      break;
    case 'status.changed':
      person.status = e.status ?? 'working';
      person.statusSince = e.at;
      break;
    case 'lab.changed':
      if (e.lab) person.lab = { ...e.lab };
      break;
    case 'speed.sampled':
      person.speed = e.speed ?? 0;
      break;
    case 'verdict.changed':
      // What an instructor decided holds until somebody takes it back.
      if (e.verdict && (e.by || !achievement(person, e.verdict.exercise).override))
        judge(person, e.verdict, e.at);
      break;
    case 'hint.opened': {
      const a = achievement(person, e.exercise);
      a.hints = Math.max(a.hints ?? 0, e.number ?? 0);
      if (e.hint && !a.opened?.includes(e.hint)) a.opened = [...(a.opened ?? []), e.hint];
      break;
    }
    case 'solution.opened':
      achievement(person, e.exercise).solution = true;
      break;
    case 'doing.began':
      achievement(person, e.exercise).done = true;
      break;
    case 'quiz.answered':
      achievement(person, e.exercise).quiz = e.correct ?? false;
      break;
  }
}

function judge(person: Person, v: Verdict, at: string) {
  const a = achievement(person, v.exercise);
  // Solved by decision alone, and that is taken back.
  if (a.override && !v.override && a.solvedAt === a.since) delete a.solvedAt;
  // A verdict is whole: members that the new one lacks go.
  a.checks = v.checks;
  a.attempts = v.attempts;
  a.override = v.override;
  a.state = v.state;
  a.since = at;
  if (v.state === 'solved' && !a.solvedAt) a.solvedAt = at;
}

/** Go's zero time, which an achievement has that was never judged. */
const zeroTime = '0001-01-01T00:00:00Z';

function achievement(person: Person, id = ''): Achievement {
  let a = person.exercises[id];
  if (!a) {
    a = { exercise: id, state: 'pending', since: zeroTime };
    person.exercises[id] = a;
  }
  return a;
}

/** Exercises a person has solved, also those that regressed since. */
export function solved(person: Person | undefined): number {
  return person ? Object.values(person.exercises).filter(a => a.solvedAt).length : 0;
}
