import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeFrame, encodeFrame, type Frame, maxFrame } from '../src/protocol';

const hex = (b: Uint8Array) => Buffer.from(b).toString('hex');
const bytes = (s: string) => new Uint8Array(Buffer.from(s, 'hex'));

/** Written by hand from docs/protocol.md. */
const vectors: [string, Frame][] = [
  [
    '6f00000000000001020000018bcfe568006869',
    { kind: 'o', offset: 258, time: 1700000000000, data: bytes('6869') },
  ],
  ['7300000000000000051b63', { kind: 's', offset: 5, data: bytes('1b63') }],
  ['7a00500018', { kind: 'z', cols: 80, rows: 24 }],
  ['65ffffffff', { kind: 'e', code: -1 }],
  ['6b0000000000000007', { kind: 'k', count: 7 }],
  ['69000000000000000361', { kind: 'i', offset: 3, data: bytes('61') }],
  ['690000000000000003', { kind: 'i', offset: 3, data: bytes('') }],
  ['610000000000040000', { kind: 'a', offset: 262144 }],
  ['7200780028', { kind: 'r', cols: 120, rows: 40 }],
];

describe('terminal frames', () => {
  it.each(vectors)('%s is what it says, both ways', (text, frame) => {
    expect(decodeFrame(bytes(text))).toEqual(frame);
    expect(hex(encodeFrame(frame))).toBe(text);
  });

  it('carries a hello', () => {
    const hello = {
      version: 1,
      offset: 9,
      cols: 80,
      rows: 24,
      inputReceived: 4,
      window: 262144,
      role: 'owner' as const,
    };
    expect(decodeFrame(encodeFrame({ kind: 'h', hello }))).toEqual({ kind: 'h', hello });
  });

  it.each(['', '78', '7a0050', '7a005000180000', '6b00', '6f0000', '6bffffffffffffffff', '68'])(
    'refuses %j',
    text => {
      expect(() => decodeFrame(bytes(text))).toThrow();
    },
  );

  it('refuses a frame that is too long', () => {
    const long = new Uint8Array(maxFrame + 1);
    long[0] = 's'.charCodeAt(0);
    expect(() => decodeFrame(long)).toThrow();
  });

  it('gives back any output', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.uint8Array({ maxLength: 300 }), (offset, time, data) => {
        expect(decodeFrame(encodeFrame({ kind: 'o', offset, time, data }))).toEqual({
          kind: 'o',
          offset,
          time,
          data,
        });
      }),
    );
  });
});
