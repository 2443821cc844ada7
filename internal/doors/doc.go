// Package doors holds no code. Its tests keep the house in order: which room
// may import which, which third-party library lives where, that every package
// says what it is for, and that no package has state of its own.
package doors
