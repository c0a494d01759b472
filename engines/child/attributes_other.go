//go:build unix && !linux

package child

import "syscall"

// attributes makes the process the leader of a process group, which Ctrl-C in
// the parent's terminal spares.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
