package exercises

import "time"

// ProbeKind is what a probe does.
type ProbeKind string

const (
	ProbeFile    ProbeKind = "file"
	ProbeGet     ProbeKind = "GET"
	ProbePost    ProbeKind = "POST"
	ProbeTCP     ProbeKind = "tcp"
	ProbeLatency ProbeKind = "latency"
)

// Probe is a look at something of a node that Docker doesn't tell: a file, or
// what a port answers. Equal probes are one.
type Probe struct {
	Node string
	Kind ProbeKind
	Port int
	Path string
	Body string
}

// result is what a probe saw.
type result struct {
	at      time.Time
	value   any    // *File, *Answer, bool or float64
	unknown string // in words, when the node could not be looked at
}
