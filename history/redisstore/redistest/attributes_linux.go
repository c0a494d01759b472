package redistest

import "syscall"

// attributes make a server die with the thread that made it.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
