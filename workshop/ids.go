package workshop

import (
	"crypto/rand"
	"encoding/base32"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The ids of things that outlive a process. They are opaque, made of lower
// case letters and digits, and safe in file names, labels and URLs.
type (
	SessionID     string // one delivery of a workshop
	ParticipantID string // someone in a session
	ExerciseID    string // an exercise of a workshop, chosen by its author
)

var idEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// NewID makes a random id of 80 bits (16 characters): unguessable enough for
// a name, not meant as a secret. Safe for concurrent use.
func NewID() string { return randomText(10) }

// NewSecret makes a random secret of 160 bits (32 characters) for cookies and
// personal links. Safe for concurrent use.
func NewSecret() string { return randomText(20) }

func randomText(bytes int) string {
	b := make([]byte, bytes)
	rand.Read(b) // never fails: crypto/rand ends the program rather than return weak bytes
	return idEncoding.EncodeToString(b)
}

// codeAlphabet leaves out what is misread from a projector: 0 and O, 1 and I
// and L, U and V.
const codeAlphabet = "23456789ABCDEFGHJKMNPQRSTWXYZ"

// NewJoinCode makes a join code such as "KM4T-92WX": eight characters of an
// alphabet without look-alikes, about 38 bits. Servers also limit how fast
// codes may be tried.
func NewJoinCode() string {
	var code strings.Builder
	for i := 0; i < 8; {
		var b [1]byte
		rand.Read(b[:])
		if int(b[0]) >= 256/len(codeAlphabet)*len(codeAlphabet) {
			continue // keeps every character equally likely
		}
		if i == 4 {
			code.WriteByte('-')
		}
		code.WriteByte(codeAlphabet[int(b[0])%len(codeAlphabet)])
		i++
	}
	return code.String()
}

// NormalizeJoinCode forgives what people do to a code when they type it:
// case, spaces, a missing or extra dash.
func NormalizeJoinCode(typed string) string {
	var plain strings.Builder
	for _, r := range strings.ToUpper(typed) {
		if strings.ContainsRune(codeAlphabet, r) && plain.Len() < 16 {
			plain.WriteRune(r)
		}
	}
	s := plain.String()
	if len(s) == 8 {
		return s[:4] + "-" + s[4:]
	}
	return s
}

// MaxNameRunes bounds a participant's display name.
const MaxNameRunes = 60

// CleanName makes a display name from what someone typed: surrounding and
// repeated space is folded, control and invisible formatting characters go.
// It answers an [Error] of kind [Invalid] when nothing is left or the name is
// longer than [MaxNameRunes]. Markup is not touched: pages show names as text.
func CleanName(typed string) (string, error) {
	if len(typed) > 4*MaxNameRunes+64 {
		return "", Errorf(Invalid, "That name is too long: use up to %d characters.", MaxNameRunes)
	}
	visible := strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError, unicode.Is(unicode.Cf, r):
			return -1
		case unicode.IsSpace(r), unicode.IsControl(r):
			return ' '
		}
		return r
	}, typed)
	name := strings.Join(strings.Fields(visible), " ")
	switch {
	case name == "":
		return "", Errorf(Invalid, "Please give a name, so that the instructor knows whom to help.")
	case utf8.RuneCountInString(name) > MaxNameRunes:
		return "", Errorf(Invalid, "That name is too long: use up to %d characters.", MaxNameRunes)
	}
	return name, nil
}
