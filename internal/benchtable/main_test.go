package main

import (
	"io"
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	rows, err := read(strings.NewReader(`goos: linux
pkg: slipway/terminal
BenchmarkEcho/idle-2   	 100	 12000 ns/op	 10000 floor	 15000 goal	 64 B/op	 3 allocs/op
BenchmarkFlood-2   	 10	 9e6 ns/op	 120.5 MB/s
PASS
`), io.Discard)
	if err != nil || len(rows) != 4 {
		t.Fatalf("%d rows, %v: %+v", len(rows), err, rows)
	}
	echo := rows[0]
	if echo.Area != "terminal" || echo.Name != "Echo/idle" || echo.Value != 12000 || *echo.Floor != 10000 || !*echo.Holds {
		t.Errorf("got %+v", echo)
	}
	if flood := rows[3]; flood.Unit != "MB/s" || flood.Value != 120.5 || flood.Holds != nil {
		t.Errorf("got %+v", flood)
	}
}
