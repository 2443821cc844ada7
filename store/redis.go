package store

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"slipway/workshop"
)

// Redis is a store for several servers: journals are Redis Streams whose entry
// N-0 is event N. An acknowledged event is as safe as that Redis keeps it: run
// it with appendonly, and appendfsync always where a lost second matters.
//
// A Redis that is away makes Append and Follow fail with kind
// [workshop.Unavailable]. An Append that fails so may have been kept all the
// same: nothing is sent twice on its own account.
type Redis struct {
	client *redis.Client
	prefix string
	life   context.Context // ends with Close
	end    context.CancelFunc
}

// OpenRedis connects to the Redis at url, such as redis://host:6379/0 or
// unix:///path/to/redis.sock, and keeps everything below prefix.
func OpenRedis(ctx context.Context, url, prefix string) (*Redis, error) {
	options, err := redis.ParseURL(url)
	if err != nil {
		return nil, workshop.Errorf(workshop.Invalid, "The address of Redis can't be read: write it as redis://host:6379/0.").Because(err)
	}
	options.MaxRetries = -1 // a second try could keep an event twice
	options.ContextTimeoutEnabled = true
	client := redis.NewClient(options)
	if err := client.Ping(ctx).Err(); err != nil {
		client.Close()
		return nil, redisAway(err)
	}
	life, end := context.WithCancel(context.Background())
	return &Redis{client: client, prefix: prefix, life: life, end: end}, nil
}

func redisAway(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return workshop.Errorf(workshop.Unavailable, "The server's Redis does not answer; try again in a moment.").Because(err)
}

// Close ends the connections and those who follow.
func (r *Redis) Close() error {
	r.end()
	return r.client.Close()
}

func (r *Redis) sessionsKey() string { return r.prefix + ":sessions" }

func (r *Redis) journalKey(session workshop.SessionID) string {
	return r.prefix + ":journal:" + string(session)
}

// Sessions lists the sessions with a journal, in order of their ids.
func (r *Redis) Sessions(ctx context.Context) ([]workshop.SessionID, error) {
	names, err := r.client.SMembers(ctx, r.sessionsKey()).Result()
	if err != nil {
		return nil, redisAway(err)
	}
	slices.Sort(names)
	ids := make([]workshop.SessionID, 0, len(names))
	for _, name := range names {
		ids = append(ids, workshop.SessionID(name))
	}
	return ids, nil
}

// appendScript adds events in one step, so that their numbers have no gap and
// nothing comes between them. It answers the first number, 0 for a session that
// isn't there.
const appendScript = `
local last = 0
local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
if #newest > 0 then
  last = tonumber(string.match(newest[1][1], '^%d+'))
elseif ARGV[2] == '1' then
  redis.call('SADD', KEYS[2], ARGV[1])
else
  return 0
end
for i = 3, #ARGV do
  redis.call('XADD', KEYS[1], string.format('%d-0', last + i - 2), 'e', ARGV[i])
end
return last + 1
`

// Append adds events as [File.Append] does.
func (r *Redis) Append(ctx context.Context, session workshop.SessionID, events ...workshop.Event) ([]uint64, error) {
	if len(events) == 0 {
		return nil, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(events) > MaxBatch {
		return nil, tooMany(len(events))
	}
	if !plainName(string(session)) {
		return nil, unknownSession(session)
	}
	create := "0"
	if events[0].Kind == workshop.SessionCreated {
		create = "1"
	}
	args := []any{string(session), create}
	for _, e := range events {
		body, err := encode(e)
		if err != nil {
			return nil, err
		}
		args = append(args, body)
	}
	first, err := r.client.Eval(ctx, appendScript, []string{r.journalKey(session), r.sessionsKey()}, args...).Uint64()
	if err != nil {
		return nil, redisAway(err)
	}
	if first == 0 {
		return nil, unknownSession(session)
	}
	seqs := make([]uint64, len(events))
	for i := range seqs {
		seqs[i] = first + uint64(i)
	}
	return seqs, nil
}

// encode is an event without its number, which the entry carries.
func encode(e workshop.Event) ([]byte, error) {
	e.Seq = 0
	if e.At.IsZero() {
		e.At = time.Now()
	}
	e.At = e.At.UTC().Round(0)
	body, err := json.Marshal(e)
	if err == nil && len(body)+32 > MaxEvent {
		err = tooLarge(len(body))
	}
	return body, err
}

func decode(entry redis.XMessage) (workshop.Event, error) {
	var e workshop.Event
	body, _ := entry.Values["e"].(string)
	number, _, _ := strings.Cut(entry.ID, "-")
	seq, err := strconv.ParseUint(number, 10, 64)
	if err == nil {
		err = json.Unmarshal([]byte(body), &e)
	}
	if err != nil {
		return e, fmt.Errorf("entry %s of a journal in Redis: %w", entry.ID, err)
	}
	e.Seq = seq
	return e, nil
}

// page is how many events are fetched at once, pause how long a follower waits
// for news before it looks whether it should end.
const (
	page  = 256
	pause = 500 * time.Millisecond
)

// Read calls fn with the events from number from on that are there now.
func (r *Redis) Read(ctx context.Context, session workshop.SessionID, from uint64, fn func(workshop.Event) error) error {
	last, err := r.last(ctx, session)
	if err != nil {
		return err
	}
	for from = max(from, 1); from <= last; {
		entries, err := r.client.XRangeN(ctx, r.journalKey(session), number(from), number(last), page).Result()
		if err != nil {
			return redisAway(err)
		}
		if len(entries) == 0 {
			return nil
		}
		if from, err = deliver(ctx, entries, fn); err != nil {
			return err
		}
	}
	return nil
}

func number(seq uint64) string { return strconv.FormatUint(seq, 10) + "-0" }

// last is the number of the newest event.
func (r *Redis) last(ctx context.Context, session workshop.SessionID) (uint64, error) {
	if !plainName(string(session)) {
		return 0, unknownSession(session)
	}
	newest, err := r.client.XRevRangeN(ctx, r.journalKey(session), "+", "-", 1).Result()
	if err != nil {
		return 0, redisAway(err)
	}
	if len(newest) == 0 {
		return 0, unknownSession(session)
	}
	e, err := decode(newest[0])
	return e.Seq, err
}

// deliver gives entries to fn and returns the number after the last one.
func deliver(ctx context.Context, entries []redis.XMessage, fn func(workshop.Event) error) (next uint64, err error) {
	for _, entry := range entries {
		e, err := decode(entry)
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = fn(e)
		}
		if err != nil {
			return 0, err
		}
		next = e.Seq + 1
	}
	return next, nil
}

// Follow calls fn with every event from number from on, as [File.Follow] does.
func (r *Redis) Follow(ctx context.Context, session workshop.SessionID, from uint64, fn func(workshop.Event) error) error {
	if _, err := r.last(ctx, session); err != nil {
		return err
	}
	key := r.journalKey(session)
	for from = max(from, 1); ; {
		if r.life.Err() != nil {
			return errClosed
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		streams, err := r.client.XRead(ctx, &redis.XReadArgs{
			// Everything of the number before, whatever its second part, is known.
			Streams: []string{key, strconv.FormatUint(from-1, 10) + "-" + strconv.FormatUint(math.MaxUint64, 10)},
			Count:   page, Block: pause,
		}).Result()
		switch {
		case errors.Is(err, redis.Nil):
		case err != nil && r.life.Err() != nil:
			return errClosed
		case err != nil && ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return redisAway(err)
		default:
			if from, err = deliver(ctx, streams[0].Messages, fn); err != nil {
				return err
			}
		}
	}
}

// Secret gives the 32 random bytes of that name, the same to every server.
func (r *Redis) Secret(ctx context.Context, name string) ([]byte, error) {
	if !plainName(name) {
		return nil, fmt.Errorf("store: secret name %q", name)
	}
	key := r.prefix + ":secret:" + name
	fresh := make([]byte, 32)
	rand.Read(fresh)
	if err := r.client.SetNX(ctx, key, fresh, 0).Err(); err != nil {
		return nil, redisAway(err)
	}
	secret, err := r.client.Get(ctx, key).Bytes()
	return secret, redisAway(err)
}
