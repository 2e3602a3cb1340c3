package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/control/fixed"
	"github.com/redstuff-go/redstuff/node/identity"
)

func TestMain(m *testing.M) {
	// A process under the race detector would sleep a second before it ends.
	_ = os.Setenv("GORACE", "atexit_sleep_ms=0")
	testscript.Main(m, map[string]func(){"rs2d-node": main})
}

// TestScripts runs the command as operators do, nodes as processes of their own.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Deadline:            time.Now().Add(5 * time.Minute),
		Setup: func(env *testscript.Env) error {
			env.Setenv("GORACE", os.Getenv("GORACE"))
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits":     exits,
			"until":     until,
			"addresses": addresses,
			"mode":      mode,
			"join":      join, "replace": replace,
			"terminate": terminate,
			"put":       put,
			"get":       get,
		},
	})
}

// exits runs a command that must end with an exit code: exits CODE COMMAND ARG…
func exits(ts *testscript.TestScript, neg bool, args []string) {
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		code = exit.ExitCode()
	}
	if want := strconv.Itoa(code); want != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// until runs a command again and again, with any exit code, until its output matches:
// until REGEXP COMMAND ARG…
func until(ts *testscript.TestScript, neg bool, args []string) {
	want, err := regexp.Compile(args[0])
	ts.Check(err)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for range 200 {
		_ = ts.Exec(args[1], args[2:]...)
		if want.MatchString(ts.ReadFile("stdout")) {
			return
		}
		<-tick.C
	}
	ts.Fatalf("the output of %s does not come to match %s", args[1], args[0])
}

// listen takes an address on loopback that is free: where the system allows it, one of its
// own, so that nobody has it before the node does.
func listen() (net.Listener, error) {
	l, err := net.Listen("tcp", fmt.Sprintf("127.%d.%d.%d:0", 1+rand.N(254), rand.N(256), 1+rand.N(254)))
	if err != nil {
		l, err = net.Listen("tcp", "127.0.0.1:0")
	}
	return l, err
}

// addresses finds addresses that are free: addresses VARIABLE…
func addresses(ts *testscript.TestScript, neg bool, args []string) {
	for _, name := range args {
		l, err := listen()
		ts.Check(err)
		defer l.Close() // only once all are found, so that they differ
		ts.Setenv(name, l.Addr().String())
	}
}

// mode checks who may read a file: mode OCTAL FILE…
func mode(ts *testscript.TestScript, neg bool, args []string) {
	for _, name := range args[1:] {
		info, err := os.Stat(ts.MkAbs(name))
		ts.Check(err)
		if got := fmt.Sprintf("%o", info.Mode().Perm()); got != args[0] {
			ts.Fatalf("%s has mode %s, want %s", name, got, args[0])
		}
	}
}

// join writes files one after the other into one: join FILE SOURCE…
func join(ts *testscript.TestScript, neg bool, args []string) {
	var b bytes.Buffer
	for _, name := range args[1:] {
		b.WriteString(ts.ReadFile(name))
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b.Bytes(), 0o644))
}

// replace changes the first of some words in a file: replace FILE OLD NEW
func replace(ts *testscript.TestScript, neg bool, args []string) {
	before := ts.ReadFile(args[0])
	after := strings.Replace(before, args[1], args[2], 1)
	if after == before {
		ts.Fatalf("%s has no %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(after), 0o644))
}

// terminate asks background commands to end that have an argument: terminate ARG
func terminate(ts *testscript.TestScript, neg bool, args []string) {
	for _, cmd := range ts.BackgroundCmds() {
		if slices.Contains(cmd.Args, args[0]) {
			ts.Check(cmd.Process.Signal(syscall.SIGTERM))
		}
	}
}

// connect returns a client of the cluster in a directory.
func connect(ts *testscript.TestScript, dir string) *client.Client {
	all, err := fixed.Load(filepath.Join(ts.MkAbs(dir), committeeName))
	ts.Check(err)
	key, err := identity.LoadKey(filepath.Join(ts.MkAbs(dir), "client.key"))
	ts.Check(err)
	cl, err := client.New(all, key, client.Options{Timeout: 20 * time.Second, Grace: 5 * time.Second})
	ts.Check(err)
	return cl
}

// put stores a file: put CLUSTER FILE VARIABLE
func put(ts *testscript.TestScript, neg bool, args []string) {
	cl := connect(ts, args[0])
	defer cl.Close()
	receipt, err := cl.Store(context.Background(), []byte(ts.ReadFile(args[1])))
	ts.Check(err)
	ts.Check(cl.Flush(context.Background()))
	ts.Setenv(args[2], receipt.ID.String())
}

// get reads a blob that must be equal to a file: get CLUSTER ID FILE
func get(ts *testscript.TestScript, neg bool, args []string) {
	cl := connect(ts, args[0])
	defer cl.Close()
	id, err := commit.ParseBlobID(args[1])
	ts.Check(err)
	blob, err := cl.Read(context.Background(), id)
	ts.Check(err)
	if string(blob) != ts.ReadFile(args[2]) {
		ts.Fatalf("%v is not equal to %s", id, args[2])
	}
}
