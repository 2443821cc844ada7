package lab

import (
	"os"
	"strconv"
	"strings"
)

// nodeCapability is a capability of a node's processes and why a nested Engine
// needs it. All of them count inside the node's user namespace only. The bit is
// the kernel's number.
type nodeCapability struct {
	name string
	bit  uint
	why  string
}

var nodeCapabilities = []nodeCapability{
	{"CHOWN", 0, "unpacking image layers"},
	{"DAC_OVERRIDE", 1, "root in a node reads the files of the node's users"},
	{"DAC_READ_SEARCH", 2, "archives of volumes that belong to other users"},
	{"FOWNER", 3, "unpacking image layers"},
	{"FSETID", 4, "unpacking image layers with set-id files"},
	{"KILL", 5, "docker kill"},
	{"SETGID", 6, "containers with users, sudo, sshd"},
	{"SETUID", 7, "containers with users, sudo, sshd"},
	{"SETPCAP", 8, "the nested runtime drops capabilities of its containers"},
	{"NET_BIND_SERVICE", 10, "publishing ports below 1024"},
	{"NET_BROADCAST", 11, "part of what overlay networks ask for"},
	{"NET_ADMIN", 12, "bridges, overlays and their rules, in the node's network namespace"},
	{"NET_RAW", 13, "ping and packet capture"},
	{"IPC_LOCK", 14, "programs that lock memory, within the node's limit"},
	{"IPC_OWNER", 15, "docker run --ipc"},
	{"SYS_CHROOT", 18, "unpacking layers, sshd"},
	{"SYS_PTRACE", 19, "the nested runtime enters its containers; strace, docker top"},
	{"SYS_ADMIN", 21, "mounts and namespaces of the nested containers"},
	{"SYS_NICE", 23, "docker run --cpu-shares and nice"},
	{"SYS_RESOURCE", 24, "ulimits of nested containers; absent on some hosts, and then left out"},
	{"MKNOD", 27, "the usual devices of nested containers; real device nodes stay forbidden"},
	{"AUDIT_WRITE", 29, "sudo and sshd record log-ins"},
	{"SETFCAP", 31, "image layers with file capabilities"},
}

// capabilitiesFor is the names of those that bounding, the Engine's bounding
// set, holds: asking for one that isn't there makes every start fail.
func capabilitiesFor(bounding uint64) []string {
	var names []string
	for _, c := range nodeCapabilities {
		if bounding&(1<<c.bit) != 0 {
			names = append(names, "CAP_"+c.name)
		}
	}
	return names
}

// boundingSet reads the bounding set of this process, which the Engine that it
// starts inherits; all capabilities when it can't be read.
func boundingSet() uint64 {
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "CapBnd:"); ok {
			if set, err := strconv.ParseUint(strings.TrimSpace(rest), 16, 64); err == nil {
				return set
			}
		}
	}
	return ^uint64(0)
}
