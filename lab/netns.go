package lab

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"
)

// ensureNetns pins a network namespace at the run folder's "netns". Pinned, it
// outlives the Engine, so that an Engine that is started again finds the labs'
// bridges and rules where they were. nsenter enters it rather than "ip netns
// exec", which would hide the control groups behind a new /sys.
func (h *Host) ensureNetns(ctx context.Context) error {
	path := h.cfg.netns()
	if isMounted(path) {
		return nil
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, "unshare", "--net="+path, "ip", "link", "set", "lo", "up").CombinedOutput()
	if err != nil {
		return fmt.Errorf("lab: make the network namespace: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

// mounts lists mount points at or below a folder, deepest last.
func mounts(below string) []string {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil
	}
	var found []string
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 5 {
			continue
		}
		point := unescapeMount(fields[4])
		if point == below || strings.HasPrefix(point, below+"/") {
			found = append(found, point)
		}
	}
	return found
}

func isMounted(path string) bool {
	for _, m := range mounts(path) {
		if m == path {
			return true
		}
	}
	return false
}

// unescapeMount undoes the octal escapes of mountinfo.
func unescapeMount(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

// dialable reports whether something listens on a Unix socket.
func dialable(socket string) bool {
	conn, err := net.DialTimeout("unix", socket, time.Second)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}
