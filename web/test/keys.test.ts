import { describe, expect, it } from 'vitest';
import { actionOf, isHandChord, isLeaveChord, keyBytes, keyName } from '../src/keys';

describe('keys', () => {
  it.each([
    [['ArrowRight', 'ArrowDown', 'PageDown', ' ', 'n', 'j', 'l', 'N'], 'next'],
    [['ArrowLeft', 'ArrowUp', 'PageUp', 'k', 'h'], 'previous'],
    [['Home'], 'first'],
    [['End'], 'last'],
    [['g'], 'go-to'],
    [['o'], 'overview'],
    [['/'], 'search'],
    [['f'], 'full-screen'],
    [['b', '.'], 'black'],
    [['p', 's'], 'presenter'],
    [['c'], 'clone'],
    [['?'], 'help'],
    [['t'], 'reset-timer'],
    [['d'], 'theme'],
    [['7'], 'digit-7'],
    [['q', 'F5', 'Shift', 'constructor'], undefined],
  ])('%j do %s', (keys, act) => {
    for (const key of keys) expect(actionOf({ key })).toBe(act);
  });

  it('tells slides from steps with Shift', () => {
    expect(actionOf({ key: 'ArrowRight', shiftKey: true })).toBe('next-slide');
    expect(actionOf({ key: 'ArrowLeft', shiftKey: true })).toBe('previous-slide');
    expect(actionOf({ key: ' ', shiftKey: true })).toBe('previous');
    expect(actionOf({ key: '?', shiftKey: true })).toBe('help');
  });

  it('leaves the browser its own', () => {
    for (const held of ['ctrlKey', 'altKey', 'metaKey'])
      expect(actionOf({ key: 'n', [held]: true })).toBeUndefined();
  });

  it('knows the chords that work inside a terminal', () => {
    expect(isLeaveChord({ key: '.', code: 'Period', ctrlKey: true, altKey: true })).toBe(true);
    expect(isLeaveChord({ key: '.', code: 'Period', ctrlKey: true })).toBe(false);
    expect(isHandChord({ key: 'u', code: 'KeyU', ctrlKey: true, altKey: true })).toBe(true);
    expect(isHandChord({ key: 'u', code: 'KeyU' })).toBe(false);
  });

  it("turns an author's key names into what a keyboard sends", () => {
    expect(keyBytes('^C\n')).toBe('\x03');
    expect(keyBytes('Enter\nq\nUp')).toBe('\rq\x1b[A');
    expect(keyName('^C')).toBe('Ctrl+C');
  });
});
