package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/redstuff-go/redstuff/commit"
)

func TestMain(m *testing.M) {
	// A process under the race detector would sleep a second before it ends.
	_ = os.Setenv("GORACE", "atexit_sleep_ms=0")
	testscript.Main(m, map[string]func(){"rs2d": main, "full": full, "unread": unread})
}

// TestScripts runs the command as users do.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Values[testOf{}] = env.T()
			env.Setenv("GORACE", os.Getenv("GORACE"))
			return nil
		},
		Condition: func(name string) (bool, error) {
			switch name {
			case "root":
				return os.Geteuid() == 0, nil
			case "modes": // whether bounded heeds the modes of files
				return runtime.GOOS == "linux" || runtime.GOOS != "windows" && os.Geteuid() != 0, nil
			}
			return false, fmt.Errorf("unknown condition %q", name)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits":     exits,
			"bounded":   bounded,
			"text":      text,
			"blob":      blob,
			"corrupt":   corrupt,
			"truncate":  truncate,
			"same":      same,
			"count":     count,
			"lie":       lie,
			"onlylines": onlyLines,
			"nodes":     startNodes,
			"stopnode":  stopNode,
			"town":      startTown,
			"ledger":    setLedger,
			"epochs":    passEpochs,
			"handover":  awaitHandover,
			"object":    objectOf,
			"idof":      idOf,
			"jsonvar":   jsonVar,
			"quiltof":   quiltOf,
			"showagain": showAgain,
		},
	})
}

// full runs a command whose standard output has no room: full COMMAND ARG…
func full() {
	out, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		panic(err)
	}
	runWith(out)
}

// unread runs a command whose standard output nobody reads: unread COMMAND ARG…
func unread() {
	r, w, err := os.Pipe()
	if err != nil {
		panic(err)
	}
	r.Close()
	runWith(w)
}

// runWith runs the command in this process's arguments and exits with its exit code.
func runWith(stdout *os.File) {
	cmd := exec.Command(os.Args[1], os.Args[2:]...)
	cmd.Stdout, cmd.Stderr = stdout, os.Stderr
	_ = cmd.Run()
	os.Exit(cmd.ProcessState.ExitCode())
}

// exits runs a command that must end with an exit code: exits CODE COMMAND ARG…
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits code command [arg...]")
	}
	checkExit(ts, args[0], ts.Exec(args[1], args[2:]...))
}

// bounded is exits for a command that the modes of files hold for, even if it is root's:
// bounded CODE COMMAND ARG…
func bounded(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: bounded code command [arg...]")
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlock it: the thread ends with the goroutine
		if err := dropFileCapabilities(); err != nil {
			done <- err
			return
		}
		done <- ts.Exec(args[1], args[2:]...)
	}()
	checkExit(ts, args[0], <-done)
}

// checkExit checks the exit code of a command that ended with err.
func checkExit(ts *testscript.TestScript, want string, err error) {
	code := 0
	if err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		code = exit.ExitCode()
	}
	if want := number(ts, want); code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
}

// text writes a file without a final newline: text FILE CONTENT
func text(ts *testscript.TestScript, neg bool, args []string) {
	write(ts, args[0], []byte(args[1]))
}

// blob writes a file of random bytes, others for each size: blob FILE SIZE
func blob(ts *testscript.TestScript, neg bool, args []string) {
	size := number(ts, args[1])
	data := make([]byte, size)
	rand.NewChaCha8([32]byte{byte(size), byte(size >> 8)}).Read(data)
	write(ts, args[0], data)
}

// corrupt flips a bit in the middle of files: corrupt FILE…
func corrupt(ts *testscript.TestScript, neg bool, args []string) {
	for _, name := range args {
		data := []byte(ts.ReadFile(name))
		data[len(data)/2] ^= 4
		write(ts, name, data)
	}
}

// truncate changes a file's length: truncate FILE SIZE
func truncate(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(os.Truncate(ts.MkAbs(args[0]), int64(number(ts, args[1]))))
}

// same compares two files as bytes: same FILE FILE
func same(ts *testscript.TestScript, neg bool, args []string) {
	if (ts.ReadFile(args[0]) == ts.ReadFile(args[1])) == neg {
		ts.Fatalf("%s and %s: same is %v", args[0], args[1], neg)
	}
}

// count compares the number of entries of a directory: count NUMBER DIR
func count(ts *testscript.TestScript, neg bool, args []string) {
	entries, err := os.ReadDir(ts.MkAbs(args[1]))
	ts.Check(err)
	if want := number(ts, args[0]); len(entries) != want {
		ts.Fatalf("%s has %d entries, want %d: %v", args[1], len(entries), want, entries)
	}
}

// onlylines checks how many lines an output has: onlylines stdout|stderr NUMBER
func onlyLines(ts *testscript.TestScript, neg bool, args []string) {
	out := []byte(ts.ReadFile(args[0]))
	if got, want := bytes.Count(out, []byte("\n")), number(ts, args[1]); got != want {
		ts.Fatalf("%s has %d lines, want %d:\n%s", args[0], got, want, out)
	}
}

// lie writes metadata that agrees with itself, and with no slivers:
// lie FILE SHARDS LENGTH
func lie(ts *testscript.TestScript, neg bool, args []string) {
	n := number(ts, args[1])
	meta := &commit.Metadata{
		Length:    uint64(number(ts, args[2])),
		Primary:   make([]commit.Hash, n),
		Secondary: make([]commit.Hash, n),
	}
	h, err := commit.NewHasher(meta.Scheme, "")
	ts.Check(err)
	data, err := meta.AppendFile(nil, h)
	ts.Check(err)
	write(ts, args[0], data)
}

func number(ts *testscript.TestScript, s string) int {
	v, err := strconv.Atoi(s)
	ts.Check(err)
	return v
}

func write(ts *testscript.TestScript, name string, data []byte) {
	ts.Check(os.WriteFile(ts.MkAbs(name), data, 0o666))
}
