package child

import "syscall"

// attributes has the kernel kill the process when its parent dies, and makes it
// the leader of a process group, which Ctrl-C in the parent's terminal spares.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
