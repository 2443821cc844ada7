package screen

// charsets are the national character sets and the one for drawing lines:
// pairs of a character and what takes its place.
var charsets = map[byte]string{
	'0': "`◆a▒b␉c␌d␍e␊f°g±h␤i␋j┘k┐l┌m└n┼o⎺p⎻q─r⎼s⎽t├u┤v┴w┬x│y≤z≥{π|≠}£~·",
	'4': `#£@¾[i\½]|{¨|f}¼~´`,
	'5': "[Ä\\Ö]Å^Ü`é{ä|ö}å~ü",
	'6': "@Ä[Æ\\Ø]Å^Ü`ä{æ|ø}å~ü",
	'7': "@É[Ä\\Ö]Å^Ü`é{ä|ö}å~ü",
	'A': "#£",
	'R': `#£@à[°\ç]§{é|ù}è~¨`,
	'Q': "@à[â\\ç]ê^î`ô{é|ù}è~û",
	'K': `@§[Ä\Ö]Ü{ä|ö}ü~ß`,
	'Y': "#£@§[°\\ç]é`ù{à|ò}è~ì",
	'Z': `#£@§[¡\Ñ]¿{°|ñ}ç`,
	'=': "#ù@à[é\\ç]ê^î_è`ô{ä|ö}ü~û",
}

// designator returns the set that a final character asks for, 0 for the usual.
func designator(final byte) (set byte, known bool) {
	switch final {
	case 'B':
		return 0, true
	case 'C':
		return '5', true
	case 'E':
		return '6', true
	case 'H':
		return '7', true
	}
	_, known = charsets[final]
	return final, known
}

// drawn returns what a character below DEL stands for in the set in use.
func (s *Screen) drawn(r rune) rune {
	if s.mappedFor != s.charset {
		s.mappedFor = s.charset
		pair := []rune(charsets[s.charset])
		for i := range s.mapped {
			s.mapped[i] = rune(i)
		}
		for i := 0; i+1 < len(pair); i += 2 {
			s.mapped[pair[i]] = pair[i+1]
		}
	}
	return s.mapped[r]
}
