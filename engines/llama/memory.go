package llama

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
)

// room is what stays free beside a model, in bytes: for its scratch memory, and
// for the other engines.
const room = 256 << 20

// Available gives the memory that this process may still take, in bytes: the
// machine's, or its container's where that is less. It is a large number where
// the system does not say.
func Available() uint64 {
	free := uint64(math.MaxUint64)
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			fields := strings.Fields(line)
			if len(fields) >= 2 && fields[0] == "MemAvailable:" {
				if kb, err := strconv.ParseUint(fields[1], 10, 64); err == nil {
					free = kb << 10
				}
			}
		}
	}
	const group = "/sys/fs/cgroup/"
	limit, ok1 := readNumber(group + "memory.max")
	used, ok2 := readNumber(group + "memory.current")
	if ok1 && ok2 && limit > used {
		free = min(free, limit-used)
	}
	return free
}

// readNumber reads a file that holds one number.
func readNumber(path string) (uint64, bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	return n, err == nil
}

// fits says whether so much memory is there, or in words why not.
func fits(what string, need, free uint64, do string) error {
	if need+room <= free || free == math.MaxUint64 {
		return nil
	}
	return fmt.Errorf("llama: %s needs %d MB of memory and %d MB to work in, and %d MB are free: %s", what, need>>20, uint64(room)>>20, free>>20, do)
}
