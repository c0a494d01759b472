package sqlitestore_test

import (
	"bufio"
	"bytes"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"sori/history/sqlitestore"
)

// A process that is killed at any instant loses no turn that it acknowledged.
func TestKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	const kills = 12
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	path := place(t)
	acknowledged := map[string][]string{}
	for round := range kills {
		turns, after := 1+random.IntN(40), time.Duration(random.IntN(3_000))*time.Microsecond
		for _, line := range killedChild(t, path, round, turns, after) {
			user, id, _ := strings.Cut(line, " ")
			acknowledged[user] = append(acknowledged[user], id)
		}
	}
	checkIntegrity(t, path)
	s := open(t, path, sqlitestore.Options{})
	total := 0
	for user, ids := range acknowledged {
		turns, err := s.Recent(t.Context(), user, 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		at := 0 // one more per kill may be there: written, but not acknowledged
		for _, turn := range turns {
			if at < len(ids) && turn.ID == ids[at] {
				at++
			}
		}
		if at != len(ids) {
			t.Fatalf("%s: turn %s was acknowledged, and is not there or not in order", user, ids[at])
		}
		if extra := len(turns) - len(ids); extra > kills {
			t.Errorf("%s has %d turns that nobody acknowledged", user, extra)
		}
		total += len(ids)
	}
	if len(acknowledged) != 3 || total < kills {
		t.Fatalf("the test saw %d users and %d turns: the child hardly worked", len(acknowledged), total)
	}
	t.Logf("%d kills, %d acknowledged turns, all there", kills, total)
}

// killedChild runs a child that appends, kills it some time after it has
// acknowledged so many turns, and gives the lines that it printed.
func killedChild(t *testing.T, path string, round, turns int, after time.Duration) []string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), childPath+"="+path, childPath+"_ROUND="+fmt.Sprintf("%04d", round))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for in := bufio.NewScanner(out); in.Scan(); {
		if lines = append(lines, in.Text()); len(lines) == turns {
			time.AfterFunc(after, func() {
				if err := cmd.Process.Kill(); err != nil {
					t.Error(err)
				}
			})
		}
	}
	if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("the child was not killed: %v: %s", err, stderr.String())
	}
	return lines
}

func checkIntegrity(t *testing.T, path string) {
	t.Helper()
	db := raw(t, path)
	var result string
	if err := db.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&result); err != nil || result != "ok" {
		t.Fatalf("integrity check: %s, %v", result, err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func raw(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}
