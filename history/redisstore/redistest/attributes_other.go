//go:build !linux

package redistest

import "syscall"

// attributes are Linux's concern: elsewhere the test's cleanup has to do.
func attributes() *syscall.SysProcAttr { return nil }
