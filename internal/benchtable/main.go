// Command benchtable turns the output of "go test -bench" on its standard
// input into a table on its standard output and rows in the file it is given:
//
//	{"area","name","value","unit","floor","peer","goal","holds"}
//
// A benchmark states what it is measured against by metrics of its own
// (testing.B.ReportMetric): "floor", "peer" and "goal" in the unit of its value,
// which is the metric "value", or else ns/op. A goal holds when the value is not
// above it; for "goal-min", not below.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"regexp"
	"strconv"
	"strings"
	"text/tabwriter"
)

type row struct {
	Area  string   `json:"area"`
	Name  string   `json:"name"`
	Value float64  `json:"value"`
	Unit  string   `json:"unit"`
	Floor *float64 `json:"floor"`
	Peer  *float64 `json:"peer"`
	Goal  *float64 `json:"goal"`
	Holds *bool    `json:"holds"`
}

func main() {
	rows, err := read(os.Stdin, os.Stderr)
	if err == nil {
		err = write(os.Args[1], rows)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "benchtable:", err)
		os.Exit(1)
	}
	show(os.Stdout, rows)
}

var suffix = regexp.MustCompile(`-\d+$`)

// read collects the result lines and shows what else is said, such as failures.
func read(in io.Reader, other io.Writer) ([]row, error) {
	var rows []row
	area := ""
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		line := lines.Text()
		if pkg, ok := strings.CutPrefix(line, "pkg: "); ok {
			area = path.Base(pkg)
			continue
		}
		fields := strings.Fields(line)
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			if strings.Contains(line, "FAIL") || strings.Contains(line, "panic") {
				fmt.Fprintln(other, line)
			}
			continue
		}
		rows = append(rows, results(area, fields)...)
	}
	return rows, lines.Err()
}

// results are the rows of one line: the value first, then every further metric
// in a row of its own.
func results(area string, fields []string) []row {
	name := suffix.ReplaceAllString(strings.TrimPrefix(fields[0], "Benchmark"), "")
	main := row{Area: area, Name: name}
	var more []row
	for i := 2; i+1 < len(fields); i += 2 {
		value, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			continue
		}
		switch unit := fields[i+1]; unit {
		case "ns/op":
			main.Value, main.Unit = value, unit
		case "floor":
			main.Floor = &value
		case "peer":
			main.Peer = &value
		case "goal", "goal-min":
			main.Goal = &value
			holds := main.Value <= value
			if unit == "goal-min" {
				holds = main.Value >= value
			}
			main.Holds = &holds
		case "allocs/op":
		default:
			more = append(more, row{Area: area, Name: name, Value: value, Unit: unit})
		}
	}
	return append([]row{main}, more...)
}

func write(file string, rows []row) error {
	raw, err := json.MarshalIndent(rows, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(raw, '\n'), 0o644)
}

func show(out io.Writer, rows []row) {
	table := tabwriter.NewWriter(out, 0, 4, 2, ' ', tabwriter.AlignRight)
	defer table.Flush()
	fmt.Fprintln(table, "area\tname\tvalue\tunit\tfloor\tpeer\tgoal\tholds\t")
	for _, r := range rows {
		holds := "-"
		if r.Holds != nil {
			holds = map[bool]string{true: "yes", false: "NO"}[*r.Holds]
		}
		fmt.Fprintf(table, "%s\t%s\t%.6g\t%s\t%s\t%s\t%s\t%s\t\n", r.Area, r.Name, r.Value, r.Unit, number(r.Floor), number(r.Peer), number(r.Goal), holds)
	}
}

func number(v *float64) string {
	if v == nil {
		return "-"
	}
	return strconv.FormatFloat(*v, 'g', 6, 64)
}
