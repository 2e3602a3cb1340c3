//go:build linux

package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/nodetest"
)

// TestGetKilled kills gets at random moments. There is never a file that is not whole, and
// the next get reads only what the ones before have not.
func TestGetKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("one process after another")
	}
	const kills = 30
	dir := t.TempDir()
	c, key := nodetest.Start(t, commit.BLAKE3, 4, 16)
	text, err := c.Control.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	data := make([]byte, 3_000_000)
	if _, err := rand.Read(data); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"committee.toml": text, clientKeyName: key.Reveal(), "f": data} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := command(t, dir, "put", "-C", "committee.toml", "f").Output()
	if err != nil {
		t.Fatal(err)
	}
	id, _, _ := strings.Cut(string(out), " ")
	back := filepath.Join(dir, "back")
	get := []string{"get", "-C", "committee.toml", "--json", "--piece", "100kB", "-o", "back", id}
	finish := func() int64 {
		t.Helper()
		cmd := command(t, dir, get...)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		var r getReport
		if err == nil {
			err = json.Unmarshal(out, &r)
		}
		if err != nil {
			t.Fatalf("get: %v; %s%s", err, out, &stderr)
		}
		if got, err := os.ReadFile(back); err != nil || !bytes.Equal(got, data) {
			t.Fatalf("%d bytes (%v), want those that were put", len(got), err)
		}
		if left, _ := filepath.Glob(back + ".*"); len(left) > 0 {
			t.Fatalf("left behind: %v", left)
		}
		if err := os.Remove(back); err != nil {
			t.Fatal(err)
		}
		return r.ReceivedBytes
	}
	start := time.Now()
	whole := finish()
	usual, resumed := time.Since(start), 0
	for killed := 0; killed < kills; {
		cmd := command(t, dir, get...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		kill := time.AfterFunc(mathrand.N(usual), func() { _ = cmd.Process.Kill() })
		err := cmd.Wait()
		kill.Stop()
		got, there := os.ReadFile(back)
		if err == nil && there != nil || there == nil && !bytes.Equal(got, data) {
			t.Fatalf("get ended with %v, and the file has %d bytes (%v)", err, len(got), there)
		}
		if there == nil { // it had ended, or as good as
			if err := os.Remove(back); err != nil {
				t.Fatal(err)
			}
			continue
		}
		killed++
		has := int64(0)
		if partial, _ := filepath.Glob(back + ".*" + partialSuffix); len(partial) == 1 {
			if info, err := os.Stat(partial[0]); err == nil {
				has = info.Size()
			}
		}
		if received := finish(); has > int64(len(data))/2 {
			resumed++
			if received > whole*3/4 {
				t.Errorf("%d bytes were there of %d, and %d were received, of %d without", has, len(data), received, whole)
			}
		}
	}
	if resumed == 0 && !testing.Short() {
		t.Error("no get was killed when it had more than a half")
	}
	t.Logf("%d of %d had more than a half; a get takes %v", resumed, kills, usual)
}
