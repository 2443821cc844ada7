package lab

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"

	"slipway/lab/images"
	"slipway/workshop"
)

// Finding is one line of a doctor's report.
type Finding struct {
	Part     string // what was looked at, one or two words
	Problem  bool   // a person has to do something
	Sentence string // what was found and, if need be, what to do
}

// Examine looks at everything labs depend on and changes nothing. Without
// problems in its findings, [Host.Up] has what it needs.
func (h *Host) Examine(ctx context.Context) []Finding {
	found := []Finding{h.examineRights()}
	if h.own {
		found = append(found, h.examinePrograms(), examineKernel(), h.examineMemory())
	}
	found = append(found, h.examineDisk(), h.examineEngine(ctx))
	if h.answers(ctx) {
		found = append(found, h.examineImages(ctx))
	}
	return found
}

func (h *Host) examineRights() Finding {
	f := Finding{Part: "rights", Sentence: "Running as root, so Slipway can have an Engine of its own."}
	if h.cfg.Engine != "" {
		f.Sentence = "An Engine was named, so no rights of root are needed."
	} else if !h.own {
		f.Sentence = "Not running as root: nodes run on the Engine that is here, with less isolation. Use sudo for an Engine of Slipway's own."
	}
	return f
}

func (h *Host) examinePrograms() Finding {
	if missing := h.Missing(); len(missing) > 0 {
		return Finding{"programs", false, "Missing: " + strings.Join(missing, ", ") + ". \"slipway up\" installs them."}
	}
	return Finding{"programs", false, "All that is needed is installed."}
}

// examineKernel looks at what no package can bring.
func examineKernel() Finding {
	f := Finding{Part: "kernel", Problem: true}
	filesystems, _ := os.ReadFile("/proc/filesystems")
	spaces, _ := os.ReadFile("/proc/sys/user/max_user_namespaces")
	_, cgroups := os.Stat(cgroupRoot)
	switch {
	case strings.TrimSpace(string(spaces)) == "0":
		f.Sentence = "User namespaces are turned off: set the sysctl user.max_user_namespaces to 65536."
	case len(spaces) == 0:
		f.Sentence = "The kernel has no user namespaces. Slipway needs Linux 5.11 or later, as Debian has it since 12."
	case cgroups != nil:
		f.Sentence = "No control groups are mounted at " + cgroupRoot + "."
	case !strings.Contains(string(filesystems), "overlay"):
		// It may be a module that the Engine loads, so this is only a hint.
		f.Problem, f.Sentence = false, "Overlay file systems are not loaded yet; the Engine loads them."
	default:
		f.Problem, f.Sentence = false, "User namespaces, control groups and overlay file systems are there."
	}
	return f
}

// examineMemory says how many labs fit. A lab in use takes about 600 MB.
func (h *Host) examineMemory() Finding {
	text, _ := os.ReadFile("/proc/meminfo")
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "MemAvailable:" {
			kib, _ := strconv.Atoi(fields[1])
			labs := kib / (600 << 10)
			if labs == 0 {
				return Finding{"memory", true, "Less than 600 MB are free, too little for one lab: end other programs."}
			}
			return Finding{"memory", false, fmt.Sprintf("%.1f GB are free: room for about %d busy labs.", float64(kib)/1e6, labs)}
		}
	}
	return Finding{"memory", false, "How much is free can't be told."}
}

func (h *Host) examineDisk() Finding {
	if err := h.checkDisk(); err != nil {
		return Finding{"disk", true, workshop.MessageOf(err)}
	}
	return Finding{"disk", false, "There is room enough."}
}

func (h *Host) examineEngine(ctx context.Context) Finding {
	if !h.answers(ctx) {
		if h.own && h.daemonPID("dockerd") == 0 {
			return Finding{"engine", false, "The lab Engine is not running; \"slipway up\" starts it."}
		}
		return Finding{"engine", true, workshop.MessageOf(h.unreachable(nil))}
	}
	if err := h.probe(ctx); err != nil {
		return Finding{"engine", true, workshop.MessageOf(err)}
	}
	return Finding{"engine", false, h.Isolation().Sentence}
}

func (h *Host) examineImages(ctx context.Context) Finding {
	if _, err := images.Newest(ctx, h.docker); err != nil {
		return Finding{"images", false, "The node image is not built; \"slipway up\" builds it."}
	}
	return Finding{"images", false, "The node image is there."}
}

// Look finds out what the Engine gives, for [Host.Isolation], whatever that is.
func (h *Host) Look(ctx context.Context) error {
	info, err := h.docker.Info(ctx)
	if err != nil {
		return h.unreachable(err)
	}
	h.mu.Lock()
	h.isolation = gradeEngine(info, h.own, h.cfg.Runtime)
	h.mu.Unlock()
	return nil
}
