package screen

import "slices"

// Resize gives the screen another size. Lines of the normal screen that are
// too long for it wrap anew, as in xterm.js; the line with the cursor does not.
func (s *Screen) Resize(cols, rows int) {
	cols, rows = clamp(cols, MinCols, MaxSize), clamp(rows, MinRows, MaxSize)
	if cols == s.cols && rows == s.rows {
		return
	}
	s.exts.open, s.combs.open = true, true // bounded by the history that is decoded
	for _, b := range []*buffer{&s.normal, &s.alt} {
		r := resizing{s: s, b: b, cols: s.cols, rows: s.rows, newCols: cols, newRows: rows}
		r.run()
		b.resizeTabs(cols)
	}
	s.cols, s.rows, s.resized = cols, rows, true
	s.exts.open, s.combs.open = false, false
	s.tidy()
}

// resizeTabs sets stops in the columns that are new.
func (b *buffer) resizeTabs(cols int) {
	x := cols
	if !b.tabs[x] {
		x = b.lastTab(x, cols)
	}
	for ; x < cols; x += tabWidth {
		b.tabs[x] = true
	}
}

// resizing is one buffer while its size changes. Its lines are those of the
// history, as far as they are needed, and of the screen.
type resizing struct {
	s                *Screen
	b                *buffer
	cols, rows       int
	newCols, newRows int

	lines  []*line
	kept   int // lines of the history that are not in lines
	base   int // lines above the screen, of those in lines
	cursor int // b.y
}

// most is how many lines there may be.
func (r *resizing) most(rows int) int {
	if !r.b.scrollback {
		return rows
	}
	return rows + HistoryLines - r.missing() - r.kept
}

// missing is how many lines xterm.js has above that we have no longer.
func (r *resizing) missing() int { return r.b.above - r.b.history.len() }

func (r *resizing) run() {
	b := r.b
	if len(b.rows) > 0 {
		missing := r.missing()
		r.load()
		saved := b.saved.y - missing - r.kept
		saved = r.resize(saved)
		r.store(missing)
		b.saved.y = max(saved+missing+r.kept, 0)
	}
	b.end = r.newRows - 1
}

// load takes lines out of the history: all when they may wrap anew, else as
// many as may come back to the screen.
func (r *resizing) load() {
	b := r.b
	need := b.history.len()
	if r.cols == r.newCols {
		need = min(need, max(r.newRows-r.rows, 0))
	}
	r.kept = b.history.len() - need
	b.history.from(r.kept, func(_ int, enc []byte) {
		r.lines = append(r.lines, r.s.decodeLine(enc, r.cols))
	})
	for range need {
		b.history.pop()
	}
	r.base = need
	r.lines = append(r.lines, b.rows...)
	for _, l := range r.lines {
		l.open()
	}
	r.cursor = b.y
}

// store puts lines back into the history and onto the screen.
func (r *resizing) store(missing int) {
	b := r.b
	for len(r.lines) < r.base+r.newRows {
		r.lines = append(r.lines, emptyLine(r.newCols))
	}
	above := r.lines[:r.base]
	b.rows = slices.Clone(r.lines[r.base : r.base+r.newRows])
	if !b.scrollback {
		above, r.base = nil, 0
	}
	for _, l := range above {
		b.history.push(r.s, l)
	}
	b.above = min(missing+r.kept+r.base, HistoryLines)
	b.y = clamp(r.cursor, 0, r.newRows-1)
}

// resize changes lines, base and cursor; it returns the saved cursor's row.
func (r *resizing) resize(saved int) int {
	b := r.b
	if r.cols < r.newCols {
		r.setLength()
	}
	moved := 0
	switch {
	case r.rows < r.newRows:
		moved = r.taller()
	default:
		r.lower()
	}
	if over := len(r.lines) - r.most(r.newRows); over > 0 {
		r.lines = r.lines[over:]
		r.base = max(r.base-over, 0)
		saved = max(saved-over, 0)
	}
	b.x = min(b.x, r.newCols-1)
	r.cursor = min(r.cursor, r.newRows-1) + moved
	b.saved.x = min(b.saved.x, r.newCols-1)
	b.top = 0
	if !b.scrollback {
		return saved
	}
	switch {
	case r.newCols > r.cols:
		saved = r.wider(saved)
	case r.newCols < r.cols:
		saved = r.narrower(saved)
		r.setLength()
	}
	return saved
}

func (r *resizing) setLength() {
	for _, l := range r.lines {
		l.resize(r.newCols)
	}
}

// taller adds rows: from above when the cursor stands in the last line, else
// below. It returns how many came from above.
func (r *resizing) taller() (moved int) {
	for range r.newRows - r.rows {
		switch {
		case len(r.lines) >= r.newRows+r.base:
		case r.base > 0 && len(r.lines) <= r.base+r.cursor+moved+1:
			r.base--
			moved++
		default:
			r.lines = append(r.lines, emptyLine(r.newCols))
		}
	}
	return moved
}

// lower takes rows away: those below the cursor first.
func (r *resizing) lower() {
	for range r.rows - r.newRows {
		switch {
		case len(r.lines) <= r.newRows+r.base:
		case len(r.lines) > r.base+r.cursor+1:
			r.lines = r.lines[:len(r.lines)-1]
		default:
			r.base++
		}
	}
}

// cellsOf is how many columns of the i-th of some lines that belong together
// count. A column that a wide character left empty doesn't.
func cellsOf(lines []*line, i, cols int) int {
	if i == len(lines)-1 {
		return lines[i].trimmed()
	}
	if last := lines[i].cells[cols-1]; !last.content() && last.width() == 1 && lines[i+1].width(0) == 2 {
		return cols - 1
	}
	return cols
}

// wider joins lines that wrapped.
func (r *resizing) wider(saved int) int {
	kept := make([]*line, 0, len(r.lines))
	removed := 0
	at := r.base + r.cursor
	for y := 0; y < len(r.lines); {
		end := y + 1
		for end < len(r.lines) && r.lines[end].wrapped {
			end++
		}
		group := r.lines[y:end]
		left := len(group)
		if left > 1 && (at < y || at >= end) {
			left -= r.join(group)
		}
		kept = append(kept, group[:left]...)
		removed += len(group) - left
		y = end
	}
	r.lines = kept
	for range removed {
		switch {
		case r.base > 0:
			r.base--
		default:
			r.cursor = max(r.cursor-1, 0)
			if len(r.lines) < r.newRows {
				r.lines = append(r.lines, emptyLine(r.newCols))
			}
		}
	}
	if removed > 0 {
		saved = max(saved-removed, 0)
	}
	return saved
}

// join moves the cells of a group of lines together and returns how many of
// its lines are no longer needed.
func (r *resizing) join(group []*line) int {
	empty := cell{ch: nullCh}
	to, toCol := 0, cellsOf(group, 0, r.cols)
	from, fromCol := 1, 0
	for from < len(group) {
		has := cellsOf(group, from, r.cols)
		n := min(has-fromCol, r.newCols-toCol)
		copy(group[to].cells[toCol:], group[from].cells[fromCol:fromCol+n])
		if toCol += n; toCol == r.newCols {
			to, toCol = to+1, 0
		}
		if fromCol += n; fromCol == has {
			from, fromCol = from+1, 0
		}
		if toCol == 0 && to > 0 && group[to-1].width(r.newCols-1) == 2 {
			group[to].cells[0] = group[to-1].cells[r.newCols-1]
			toCol = 1
			group[to-1].cells[r.newCols-1] = empty
		}
	}
	if to < len(group) {
		group[to].replace(toCol, r.newCols, empty, false)
	}
	spare := 0
	for i := len(group) - 1; i > 0 && (i > to || group[i].trimmed() == 0); i-- {
		spare++
	}
	return spare
}

// narrower wraps lines that are too long, from the last to the first.
func (r *resizing) narrower(saved int) int {
	added := map[int][]*line{} // by the index of the line that they follow
	total := 0
	all := r.lines
	for y := len(all) - 1; y >= 0; y-- {
		end := y + 1
		if l := all[y]; !l.wrapped && l.trimmed() <= r.newCols {
			continue
		}
		for all[y].wrapped && y > 0 {
			y--
		}
		if at := r.base + r.cursor; at >= y && at < end {
			continue
		}
		var group []*line
		group, saved = r.split(slices.Clone(all[y:end]), total, saved)
		added[end-1] = group[min(end-y, len(group)):]
		total += len(group) - (end - y)
	}
	lines := make([]*line, 0, len(all)+max(total, 0))
	for i, l := range all {
		if i < len(r.lines) { // else taken from below the cursor
			lines = append(lines, l)
		}
		lines = append(lines, added[i]...)
	}
	if over := len(lines) - r.most(r.newRows); over > 0 {
		lines = lines[over:]
	}
	r.lines = lines
	return saved
}

// split wraps one group anew, makes room on the screen for the lines that come
// with it, and returns it with the saved cursor's row.
func (r *resizing) split(group []*line, inserted, saved int) ([]*line, int) {
	old := len(group)
	lengths := r.newLengths(group)
	add := len(lengths) - old
	last := group[old-1].trimmed()
	count := len(r.lines)
	trimmed := max(0, count-r.most(r.newRows)+add)
	if r.base == 0 && r.cursor != count-1 {
		trimmed = max(0, r.cursor-r.most(r.newRows)+add)
	}
	for range add {
		group = append(group, emptyLine(r.cols))
		group[len(group)-1].wrapped = true
	}
	r.spread(group, lengths, old, last)
	for i, n := range lengths {
		if n < r.newCols && i < len(group) {
			group[i].cells[n] = cell{ch: nullCh}
		}
	}
	for n := add - trimmed; n > 0; n-- {
		switch {
		case r.base == 0 && r.cursor < r.newRows-1:
			r.cursor++
			r.lines = r.lines[:len(r.lines)-1]
		case r.base == 0:
			r.base++
		case r.base < min(r.most(r.newRows), len(r.lines)+inserted+max(add, 0))-r.newRows:
			r.base++
		}
	}
	return group, min(saved+add, r.base+r.newRows-1)
}

// spread copies the cells of a group to their new places, backwards.
func (r *resizing) spread(group []*line, lengths []int, old, last int) {
	to := len(lengths) - 1
	if to < 0 {
		return
	}
	toCol := lengths[to]
	if toCol == 0 && to > 0 {
		to--
		toCol = lengths[to]
	}
	from, fromCol := old-1, last
	for from >= 0 && to >= 0 {
		n := min(fromCol, toCol)
		copy(group[to].cells[toCol-n:toCol], group[from].cells[fromCol-n:fromCol])
		if toCol -= n; toCol == 0 {
			if to--; to >= 0 {
				toCol = lengths[to]
			}
		}
		if fromCol -= n; fromCol == 0 {
			from--
			fromCol = cellsOf(group, max(from, 0), r.cols)
		}
	}
}

// newLengths is how many cells each of the new lines of a group gets.
func (r *resizing) newLengths(group []*line) []int {
	need := 0
	for i := range group {
		need += cellsOf(group, i, r.cols)
	}
	var lengths []int
	col, at := 0, 0
	for have := 0; have < need; {
		if need-have < r.newCols {
			return append(lengths, need-have)
		}
		col += r.newCols
		if old := cellsOf(group, at, r.cols); col > old {
			col -= old
			at++
		}
		n := r.newCols
		if at < len(group) && group[at].width(col-1) == 2 {
			col--
			n--
		}
		lengths = append(lengths, n)
		have += n
	}
	return lengths
}

// emptyLine is one whose cells count already.
func emptyLine(cols int) *line {
	l := newLine(cols, cell{ch: nullCh})
	l.open()
	return l
}
