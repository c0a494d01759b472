//go:build !linux

package bench

import (
	"errors"
	"os/exec"
	"time"
)

var errNoProc = errors.New("the CPU time and memory of processes are measured on Linux only")

func cpuTime(int) (time.Duration, error) { return 0, errNoProc }
func busyTime() (time.Duration, error)   { return 0, errNoProc }
func resident(int) (int64, error)        { return 0, errNoProc }
func memory(int) (int64, int64, error)   { return 0, 0, errNoProc }
func pin(int, int) error                 { return nil }
func unpin(int)                          {}
func nap(d time.Duration)                { time.Sleep(d) }
func files() (int, error)                { return 1 << 30, nil }
func belong(*exec.Cmd)                   {}
