//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/cmd/internal/cli"
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/fixed"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/rs2d"
)

// tooLong is how long a test waits for what must happen at once.
const tooLong = 30 * time.Second

// command returns the command, to be run in a directory. It is killed if the test ends
// or lasts too long.
func command(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), tooLong)
	t.Cleanup(cancel)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Args = append([]string{"rs2d"}, args...)
	cmd.Dir = dir
	return cmd
}

// run runs the command to its end, which must be with the exit code, and returns its
// standard error.
func run(t *testing.T, code int, dir string, args ...string) string {
	t.Helper()
	cmd := command(t, dir, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	_ = cmd.Run()
	if got := cmd.ProcessState.ExitCode(); got != code {
		t.Fatalf("rs2d %v: exit code %d, want %d; %s", args, got, code, &stderr)
	}
	return stderr.String()
}

func randomFile(t *testing.T, name string, size int) {
	t.Helper()
	data := make([]byte, size)
	rand.NewChaCha8([32]byte{9}).Read(data)
	if err := os.WriteFile(name, data, 0o666); err != nil {
		t.Fatal(err)
	}
}

// eventually waits for a condition that another process brings about.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(tooLong); !holds(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", tooLong, what)
		}
	}
}

// waitsIn reports whether a thread of the process waits in a function of the kernel of
// which the name contains one of the given.
func waitsIn(pid int, functions ...string) bool {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/wchan", pid))
	for _, thread := range threads {
		where, _ := os.ReadFile(thread)
		for _, f := range functions {
			if strings.Contains(string(where), f) {
				return true
			}
		}
	}
	return false
}

// TestInterrupted stops commands that wait for what may never happen: the first signal
// ends them.
func TestInterrupted(t *testing.T) {
	opening := []string{"wait_for_partner", "fifo_open"}
	tests := []struct {
		name  string
		args  []string
		input bool     // whether standard input is a pipe that nothing is written to
		waits []string // where the process is interrupted
	}{
		{"open to read", []string{"id", "fifo"}, false, opening},
		{"open to encode", []string{"encode", "-o", "x", "fifo"}, false, opening},
		{"open to demonstrate", []string{"demo", "fifo"}, false, opening},
		{"open to write", []string{"decode", "-o", "fifo", "d"}, false, opening},
		{"open a committee", []string{"ls", "-C", "fifo"}, false, opening},
		{"open a key", []string{"put", "-C", "committee.toml", "--key", "fifo", "f"}, false, opening},
		{"open to put", []string{"put", "-C", "committee.toml", "--key", "client.key", "fifo"}, false, opening},
		{"read", []string{"id", "-"}, true, []string{"pipe_read"}},
		{"read to encode", []string{"encode", "-o", "x", "-"}, true, []string{"pipe_read"}},
		{"read to put", []string{"put", "-C", "committee.toml", "--key", "client.key", "-"}, true, []string{"pipe_read"}},
		{"write", []string{"cat", "d"}, false, []string{"pipe_write"}},
		{"write decoded", []string{"decode", "-o", "-", "d"}, false, []string{"pipe_write"}},
		{"write to a device", []string{"decode", "-o", "/dev/stdout", "d"}, false, []string{"pipe_write"}},
	}
	dir := t.TempDir()
	randomFile(t, filepath.Join(dir, "f"), 300_000)
	run(t, 0, dir, "encode", "-n", "10", "-o", "d", "f")
	writeCommittee(t, dir)
	if err := syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, test := range tests {
		for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
			t.Run(test.name+"/"+sig.String(), func(t *testing.T) {
				cmd := command(t, dir, test.args...)
				var stderr bytes.Buffer
				cmd.Stderr = &stderr
				out, err := cmd.StdoutPipe() // which nobody reads
				if err != nil {
					t.Fatal(err)
				}
				defer out.Close()
				if test.input {
					in, err := cmd.StdinPipe()
					if err != nil {
						t.Fatal(err)
					}
					defer in.Close()
				}
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				eventually(t, fmt.Sprintf("waits in %v", test.waits), func() bool {
					return waitsIn(cmd.Process.Pid, test.waits...)
				})
				if err := cmd.Process.Signal(sig); err != nil {
					t.Fatal(err)
				}
				_ = cmd.Wait()
				if code := cmd.ProcessState.ExitCode(); code != cli.Interrupted {
					t.Errorf("exit code %d, want %d; %s", code, cli.Interrupted, &stderr)
				}
				if got, want := stderr.String(), "rs2d: interrupted\n"; got != want {
					t.Errorf("standard error %q, want %q", got, want)
				}
			})
		}
	}
	if _, err := os.Lstat(filepath.Join(dir, "x")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("x was written: %v", err)
	}
}

// TestTimeout ends puts that wait for their input.
func TestTimeout(t *testing.T) {
	dir := t.TempDir()
	writeCommittee(t, dir)
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o666); err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	for _, test := range []struct{ name, file string }{{"open", "fifo"}, {"read", "-"}} {
		t.Run(test.name, func(t *testing.T) {
			cmd := command(t, dir, "put", "-C", "committee.toml", "--key", "client.key", "--timeout", "50ms", test.file)
			cmd.Stdin = r
			out, _ := cmd.CombinedOutput()
			if code := cmd.ProcessState.ExitCode(); code != cli.Found || !strings.Contains(string(out), "not done in 50ms") {
				t.Errorf("exit code %d, want %d; %s", code, cli.Found, out)
			}
		})
	}
}

// temps lists what is unfinished in a directory.
func temps(t *testing.T, dir string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, ".rs2d-*"))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestKilled kills a run in the middle, and stops another: the next one removes what
// the first has left, and not what the second has begun.
func TestKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("one process after another")
	}
	dir := t.TempDir()
	randomFile(t, filepath.Join(dir, "f"), 40<<20)
	randomFile(t, filepath.Join(dir, "small"), 1000)
	begin := func(name string) (cmd *exec.Cmd, temp string) {
		t.Helper()
		before := temps(t, dir)
		cmd = command(t, dir, "encode", "-n", "100", "--stream-above", "1MB", "-o", name, "f")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "something unfinished", func() bool {
			for _, temp = range temps(t, dir) {
				// What has something in it is locked already.
				if list, _ := os.ReadDir(temp); len(list) > 0 && !slices.Contains(before, temp) {
					return true
				}
			}
			return false
		})
		if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(temp); err != nil {
			t.Fatalf("the run ended before it was stopped: %v", err)
		}
		return cmd, temp
	}
	killed, left := begin("a")
	if err := killed.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = killed.Wait()
	if _, err := os.Stat(left); err != nil {
		t.Fatalf("nothing was left: %v", err)
	}
	stopped, begun := begin("b")
	run(t, 0, dir, "encode", "-n", "10", "-o", "c", "small")
	if got := temps(t, dir); !slices.Equal(got, []string{begun}) {
		t.Errorf("unfinished: %v, want %v, of the run that is stopped", got, begun)
	}
	if err := stopped.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if err := stopped.Wait(); err != nil {
		t.Errorf("the run that was stopped: %v", err)
	}
	run(t, 0, dir, "verify", "b")
	if got := temps(t, dir); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
}

// TestInputChanges changes a file for as long as it is read. Where the machine is so busy
// that the file is read between two changes, it is tried again with a longer one.
func TestInputChanges(t *testing.T) {
	ways := []struct {
		name   string
		change func(*os.File) error
	}{
		{"append", func(f *os.File) error { _, err := f.WriteAt([]byte("x"), end(f)); return err }},
		{"overwrite", func(f *os.File) error { _, err := f.WriteAt([]byte{byte(rand.Uint32())}, 5); return err }},
		{"cut", func(f *os.File) error { return f.Truncate(end(f) - 1) }},
	}
	commands := []struct {
		name string
		args []string
	}{
		{"encode", []string{"encode", "-n", "100", "-o", "d"}},
		{"encode in pieces", []string{"encode", "-n", "100", "-o", "d", "--stream-above", "1MB"}},
		{"id", []string{"id", "-n", "100"}},
		{"id in pieces", []string{"id", "-n", "100", "--stream-above", "1MB"}},
		{"put", []string{"put", "-C", "committee.toml", "--key", "client.key"}},
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "f")
	writeCommittee(t, dir)
	if testing.Short() {
		ways = ways[:1]
	}
	for _, way := range ways {
		for _, c := range commands {
			t.Run(way.name+"/"+c.name, func(t *testing.T) {
				const want = "rs2d: f: changed while it was read\n"
				unchanged := 0 // exit code, if no change came while it was read
				if c.name == "put" {
					unchanged = cli.Found // nobody listens
				}
				for size := 20 << 20; ; size *= 2 {
					code, stderr := runWhile(t, dir, file, size, way.change, append(c.args, "f")...)
					if code == unchanged && size < 320<<20 {
						if err := os.RemoveAll(filepath.Join(dir, "d")); err != nil {
							t.Fatal(err)
						}
						continue
					}
					if code != cli.Failed || stderr != want {
						t.Errorf("%d bytes: exit code %d, want %d; standard error %q, want %q", size, code, cli.Failed, stderr, want)
					}
					break
				}
				if _, err := os.Stat(filepath.Join(dir, "d")); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("d was written: %v", err)
				}
				if got := temps(t, dir); len(got) != 0 {
					t.Errorf("left behind: %v", got)
				}
			})
		}
	}
}

// runWhile runs the command while a file of random bytes changes, and returns its exit
// code and standard error.
func runWhile(t *testing.T, dir, file string, size int, change func(*os.File) error, args ...string) (code int, stderr string) {
	t.Helper()
	randomFile(t, file, size)
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	end, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		tick := time.NewTicker(100 * time.Microsecond)
		defer tick.Stop()
		for {
			select {
			case <-end:
				ended <- nil
				return
			case <-tick.C:
				if err := change(f); err != nil {
					ended <- err
					return
				}
			}
		}
	}()
	cmd := command(t, dir, args...)
	var out bytes.Buffer
	cmd.Stderr = &out
	_ = cmd.Run()
	close(end)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String()
}

func end(f *os.File) int64 {
	info, err := f.Stat()
	if err != nil {
		return 0
	}
	return info.Size()
}

// TestChangeBetweenPasses changes a file behind its times, between the first time that it
// is read and the second: the hash alone tells.
func TestChangeBetweenPasses(t *testing.T) {
	code, err := rs2d.New(70, rs2d.WithWorkers(1))
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "f")
	randomFile(t, name, 300_000)
	for _, changes := range []bool{false, true} {
		t.Run(fmt.Sprint(changes), func(t *testing.T) {
			a := &app{ctx: t.Context()}
			in, err := a.open(t.Context(), name, code.Params(), 0)
			if err != nil {
				t.Fatal(err)
			}
			defer in.close()
			// The first of several tiles is written before the others are read again, the one
			// with the last byte last.
			sink := sinkFunc(func(rs2d.SliverRef, []byte, int64) error {
				if !changes {
					return nil
				}
				f, err := os.OpenFile(name, os.O_WRONLY, 0)
				if err != nil {
					return err
				}
				defer f.Close()
				if _, err := f.WriteAt([]byte("!"), in.size-1); err != nil {
					return err
				}
				return os.Chtimes(name, in.before.ModTime(), in.before.ModTime())
			})
			_, _, err = in.encodeTo(t.Context(), code, sink)
			if changes != errors.Is(err, errChanged) {
				t.Errorf("got %v", err)
			}
		})
	}
}

type sinkFunc func(rs2d.SliverRef, []byte, int64) error

func (f sinkFunc) WriteSliverAt(ref rs2d.SliverRef, data []byte, off int64) error {
	return f(ref, data, off)
}

// writeCommittee writes a committee's file and a client's key, without any nodes.
func writeCommittee(t *testing.T, dir string) {
	t.Helper()
	members := make([]committee.Member, 4)
	for i, shards := range committee.Spread(100, len(members)) {
		members[i] = identity.NewMember(fmt.Sprintf("node-%d", i), fmt.Sprintf("127.0.0.1:%d", i+1), identity.GenerateKey(), shards)
	}
	writer := identity.GenerateKey()
	nodes, err := committee.New(committee.System{Network: "test", Shards: 100, Scheme: commit.BLAKE3}, 1, members)
	if err != nil {
		t.Fatal(err)
	}
	all, err := fixed.New(nodes, fixed.Client{Name: "writer", TLSKey: writer.TLSPublic()})
	if err != nil {
		t.Fatal(err)
	}
	text, err := all.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"committee.toml": text, clientKeyName: writer.Reveal()} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
