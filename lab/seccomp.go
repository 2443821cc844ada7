package lab

import _ "embed"

// seccompProfile is the system calls a node's processes may make. It is an
// allow list in groups, each with its reason beside it; what it leaves out, and
// why, is in its first comment. Containers inside a node get the usual profile
// of its Engine on top.
//
//go:embed seccomp.json
var seccompProfile string
