package images

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// source is one line of an apt sources list.
type source struct {
	uri    string
	suites []string
	parts  []string // components
}

// debianSources says where this machine gets Debian, as lines for our suite. Empty when
// it has no Debian source, and then mmdebstrap's own default is as good.
func debianSources() string {
	release, _ := os.ReadFile("/etc/os-release")
	if !slices.Contains(strings.Split(string(release), "\n"), "ID=debian") {
		return ""
	}
	var all []source
	lists, _ := filepath.Glob("/etc/apt/sources.list.d/*.list")
	for _, path := range append([]string{"/etc/apt/sources.list"}, lists...) {
		text, _ := os.ReadFile(path) // what isn't there has no sources
		all = append(all, parseOneLine(string(text))...)
	}
	stanzas, _ := filepath.Glob("/etc/apt/sources.list.d/*.sources")
	for _, path := range stanzas {
		text, _ := os.ReadFile(path)
		all = append(all, parseStanzas(string(text))...)
	}
	return linesFor(all, codename(string(release)))
}

func codename(release string) string {
	for line := range strings.Lines(release) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "VERSION_CODENAME="); ok {
			return strings.Trim(name, `"`)
		}
	}
	return "stable"
}

// linesFor turns the machine's sources of its own release into ones for our suite.
func linesFor(all []source, codename string) string {
	var lines []string
	add := func(uri, suite string) {
		line := fmt.Sprintf("deb %s %s main\n", uri, suite)
		if !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	for _, s := range all {
		if !slices.Contains(s.parts, "main") {
			continue
		}
		for _, name := range s.suites {
			switch name {
			case codename, "stable", "testing", suite:
				add(s.uri, suite)
			case codename + "-security", "stable-security":
				add(s.uri, suite+"-security")
			}
		}
	}
	return strings.Join(lines, "")
}

// parseOneLine reads the classic form: deb [options] uri suite component...
func parseOneLine(text string) []source {
	var found []source
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		if open := strings.Index(line, "["); open >= 0 {
			if end := strings.Index(line, "]"); end > open {
				line = line[:open] + line[end+1:]
			}
		}
		f := strings.Fields(line)
		if len(f) >= 4 && f[0] == "deb" {
			found = append(found, source{f[1], f[2:3], f[3:]})
		}
	}
	return found
}

// parseStanzas reads the deb822 form: paragraphs of fields.
func parseStanzas(text string) []source {
	var found []source
	for stanza := range strings.SplitSeq(text, "\n\n") {
		fields := map[string][]string{}
		lines := bufio.NewScanner(strings.NewReader(stanza))
		last := ""
		for lines.Scan() {
			line := lines.Text()
			if strings.HasPrefix(line, "#") {
				continue
			}
			if name, value, ok := strings.Cut(line, ":"); ok && !strings.HasPrefix(line, " ") {
				last = strings.ToLower(name)
				fields[last] = strings.Fields(value)
			} else {
				fields[last] = append(fields[last], strings.Fields(line)...)
			}
		}
		enabled := len(fields["enabled"]) == 0 || fields["enabled"][0] != "no"
		if !enabled || !slices.Contains(fields["types"], "deb") {
			continue
		}
		for _, uri := range fields["uris"] {
			found = append(found, source{uri, fields["suites"], fields["components"]})
		}
	}
	return found
}

// aptOptions are this machine's ways to the archive (proxies and such), which
// mmdebstrap's apt doesn't read by itself.
func aptOptions(ctx context.Context) []string {
	out, err := exec.CommandContext(ctx, "apt-config", "dump", "--format", "%f \"%v\"%n", "Acquire").Output()
	if err != nil {
		return nil
	}
	var options []string
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSpace(line)
		for _, prefix := range []string{"Acquire::http", "Acquire::https", "Acquire::Retries"} {
			if strings.HasPrefix(line, prefix) && !strings.HasSuffix(line, `""`) {
				options = append(options, line)
			}
		}
	}
	return options
}
