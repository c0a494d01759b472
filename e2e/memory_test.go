//go:build e2e

package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// residentMB is the resident memory of a process, in MB. It is 0 where the system
// has no /proc.
func residentMB(t testing.TB, pid int) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")))
			if err != nil {
				t.Fatal(err)
			}
			return kb >> 10
		}
	}
	return 0
}

// childrenMB is the resident memory of a process's children.
func childrenMB(t testing.TB, pid int) int {
	t.Helper()
	total := 0
	for _, child := range children(t, pid) {
		total += residentMB(t, child)
	}
	return total
}

// onlyChild is the process id of the one child that a process has.
func onlyChild(t testing.TB, pid int) int {
	t.Helper()
	if lists, err := filepath.Glob("/proc/self/task/*/children"); err != nil || len(lists) == 0 {
		const silent = "this system does not tell of a process's children"
		if os.Getenv("CI") == "true" {
			t.Fatal(silent)
		}
		t.Skip(silent)
	}
	all := children(t, pid)
	if len(all) != 1 {
		t.Fatalf("the children of %d are %v, want one", pid, all)
	}
	return all[0]
}

// children are the process ids of a process's children.
func children(t testing.TB, pid int) []int {
	t.Helper()
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, l := range lists {
		b, err := os.ReadFile(l)
		if err != nil {
			continue
		}
		for f := range strings.FieldsSeq(string(b)) {
			if n, err := strconv.Atoi(f); err == nil {
				pids = append(pids, n)
			}
		}
	}
	return pids
}
