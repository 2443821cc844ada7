package terminal

import (
	"bytes"
	"unicode/utf8"
)

// masker replaces secrets in a stream of output with stars, one a character,
// so that the screen keeps its shape. It works byte by byte and never looks
// ahead: how the stream is cut makes no difference, and nothing is held back.
//
// A secret is known by what stands before it: the beginning of a private key,
// a token's prefix, the password of a docker login, the member of a
// configuration file. What stands before stays readable.
type masker struct {
	line []byte // end of the present line, as raw text without escapes
	kind secret
	left int // bytes that may still be masked before giving up
	esc  escape
	gap  bool // after a blank inside a secret: a line wrapped by the shell goes on
}

type secret byte

const (
	noSecret  secret = iota
	keyBlock         // until the end line of a private key
	quoted           // until a quotation mark
	word             // until a blank
	token            // while letters, digits, _ and - follow
	separator        // blanks or = before a word
	glued            // -p: blanks, or the word itself
)

type escape byte

const (
	plain escape = iota
	escaped
	csi
	osc
	oscEscaped
)

// Bounds of a masker.
const (
	maskLine = 512
	maxWord  = 4 << 10
	maxBlock = 16 << 10
)

// What stands before a secret, by the byte it ends with.
var (
	tokenPrefixes = [][]byte{
		[]byte("ghp_"), []byte("gho_"), []byte("ghu_"), []byte("ghs_"), []byte("ghr_"), []byte("github_pat_"),
		[]byte("dckr_pat_"), []byte("dckr_oat_"), []byte("glpat-"), []byte("xoxb-"), []byte("xoxp-"), []byte("sk_live_"),
	}
	quotedPrefixes = [][]byte{
		[]byte(`"auth":"`), []byte(`"identitytoken":"`), []byte(`"registrytoken":"`), []byte(`"password":"`), []byte(`"secret":"`),
	}
	assigned = [][]byte{
		[]byte("password="), []byte("passwd="), []byte("secret="), []byte("token="), []byte("api_key="),
	}
	spoken = [][]byte{[]byte("authorization: bearer "), []byte("authorization: basic "), []byte("identitytoken ")}
)

// mask appends p to dst with its secrets replaced.
func (m *masker) mask(dst, p []byte) []byte {
	for _, b := range p {
		if m.escapes(b) {
			dst = append(dst, b)
			continue
		}
		if m.hides(b) {
			if utf8.RuneStart(b) {
				dst = append(dst, '*')
			}
			continue
		}
		dst = append(dst, b)
	}
	return dst
}

// escapes follows escape sequences, which stay as they are, secret or not.
func (m *masker) escapes(b byte) bool {
	switch m.esc {
	case plain:
		if b != 0x1b {
			return false
		}
		m.esc = escaped
	case escaped:
		switch b {
		case '[':
			m.esc = csi
		case ']', 'P', '_', '^':
			m.esc = osc
		default:
			m.esc = plain
		}
	case csi:
		if b >= 0x40 && b <= 0x7e || b < 0x20 {
			m.esc = plain
		}
	case osc:
		switch b {
		case 0x07, '\n':
			m.esc = plain
		case 0x1b:
			m.esc = oscEscaped
		}
	case oscEscaped:
		m.esc = plain
	}
	return true
}

// hides decides about one byte of text and follows what it begins or ends.
func (m *masker) hides(b byte) bool {
	switch b {
	case '\b', 0x7f: // rubbed out while typing
		if m.kind == noSecret && len(m.line) > 0 {
			m.line = m.line[:len(m.line)-1]
		}
		return false
	case '\r', '\n', '\t', 0x07, 0x00:
		return m.blank(b)
	}
	if len(m.line) >= 2*maskLine {
		m.line = append(m.line[:0], m.line[len(m.line)-maskLine:]...)
	}
	m.line = append(m.line, b)
	if m.gap {
		m.gap, m.kind = false, noSecret // the blank was the end after all
	}
	switch m.kind {
	case noSecret:
		m.begin(b)
		return false
	case separator, glued:
		return m.leadIn(b)
	}
	return m.inside(b)
}

// leadIn handles what stands between an option and its secret.
func (m *masker) leadIn(b byte) bool {
	switch {
	case b == ' ' || b == '=':
		return false
	case m.kind == separator && !m.separated():
		m.kind = noSecret // another, longer option
		m.begin(b)
		return false
	case b == '"' || b == '\'':
		m.kind, m.left = word, maxWord
		return false
	}
	m.kind, m.left = word, maxWord
	return true
}

// separated reports whether a blank or = stood before the last byte.
func (m *masker) separated() bool {
	n := len(m.line)
	return n >= 2 && (m.line[n-2] == ' ' || m.line[n-2] == '=')
}

// inside handles a byte within a secret.
func (m *masker) inside(b byte) bool {
	m.left--
	end := m.left <= 0
	switch m.kind {
	case keyBlock:
		if end || endsKey(m.line) {
			m.kind = noSecret
		}
		return true
	case quoted:
		end = end || b == '"'
	case word:
		if b == ' ' { // perhaps only where the shell wraps a long line: see blank
			m.gap = true
			return false
		}
		end = end || b == '"' || b == '\'' || b == '|' || b == ';' || b == '&'
	case token:
		end = end || !(b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '_' || b == '-')
	}
	if end {
		m.kind = noSecret
		m.begin(b)
		return false
	}
	return true
}

// blank handles the ends of lines. A shell wraps a long command with a blank
// and a carriage return, so that alone ends no secret.
func (m *masker) blank(b byte) bool {
	switch {
	case m.gap && b == '\r':
		m.gap = false
		return false
	case m.kind == keyBlock:
		if b == '\n' {
			m.line = m.line[:0]
		}
		return false
	case b == '\n':
		m.line, m.kind, m.gap = m.line[:0], noSecret, false
	case b == '\r' && m.kind == noSecret:
		return false // the line may be drawn again; what stands before counts
	case b == '\t':
		m.line = append(m.line, ' ')
	}
	return false
}

// endsKey reports whether the line ends a private key.
func endsKey(line []byte) bool {
	if len(line) == 0 || line[len(line)-1] != '-' || !bytes.HasSuffix(line, []byte("-----")) {
		return false
	}
	i := bytes.LastIndex(line, []byte("-----END "))
	return i >= 0 && i+9 < len(line)-5
}

// begin looks whether a secret follows the byte just added to the line.
func (m *masker) begin(b byte) {
	line := m.line
	switch b {
	case '_', '-':
		for _, p := range tokenPrefixes {
			if bytes.HasSuffix(line, p) {
				m.kind, m.left = token, maxWord
				return
			}
		}
		if b == '-' && bytes.HasSuffix(line, []byte("-----")) && bytes.Contains(line, []byte("-----BEGIN ")) &&
			(bytes.HasSuffix(line, []byte("PRIVATE KEY-----")) || bytes.HasSuffix(line, []byte("PRIVATE KEY BLOCK-----"))) {
			m.kind, m.left = keyBlock, maxBlock
		}
	case '"':
		tight := lower(without(line[max(0, len(line)-40):], ' '))
		for _, p := range quotedPrefixes {
			if bytes.HasSuffix(tight, p) {
				m.kind, m.left = quoted, maxWord
			}
		}
	case '=':
		m.beginAfter(assigned, glued)
	case ' ':
		m.beginAfter(spoken, word)
	case 'p', 'd':
		if !bytes.Contains(line, []byte("docker login")) {
			return
		}
		if bytes.HasSuffix(line, []byte(" -p")) {
			m.kind = glued
		} else if bytes.HasSuffix(line, []byte(" --password")) {
			m.kind = separator
		}
	}
}

func (m *masker) beginAfter(prefixes [][]byte, kind secret) {
	end := lower(m.line[max(0, len(m.line)-40):])
	for _, p := range prefixes {
		if bytes.HasSuffix(end, p) {
			m.kind, m.left = kind, maxWord
		}
	}
}

func lower(b []byte) []byte { return bytes.ToLower(b) }

func without(b []byte, drop byte) []byte {
	out := make([]byte, 0, len(b))
	for _, c := range b {
		if c != drop {
			out = append(out, c)
		}
	}
	return out
}
