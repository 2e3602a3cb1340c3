//go:build unix

package main

import (
	"bufio"
	"context"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// command returns a command line of this program, as a process of its own.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, program)
	cmd.Args = append([]string{"rs2d-node"}, args...) // TestMain runs what it is called by
	return cmd
}

// alone makes a committee of one node in a directory, and returns the directory.
func alone(t *testing.T) string {
	t.Helper()
	l, err := listen()
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	dir := filepath.Join(t.TempDir(), "c")
	if out, err := command(t, "init", "--shards", "4", "--address", address, "--admin-port", "0", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return dir
}

// TestRunOutlivesTheReaderOfItsLog closes the pipe that the log goes to. The node serves
// on, and a hangup ends it as it should.
func TestRunOutlivesTheReaderOfItsLog(t *testing.T) {
	// Where the tests run under nohup, the node would inherit that hangups are ignored.
	// What is handled here has its default there.
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	dir := alone(t)
	cmd := command(t, "run", "-c", filepath.Join(dir, "node-0", "node.toml"), "--log-level", "debug")
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(log).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	log.Close()
	status := command(t, "status", "--committee", filepath.Join(dir, "committee.toml"), "--wait", "20s")
	if out, err := status.CombinedOutput(); err != nil {
		t.Errorf("status: %v: %s", err, out)
	}
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the node ended with %v, want exit code 0", err)
	}
}

// TestRunTellsItsSupervisor runs a node as systemd does, which hears that it is ready, that
// it is alive, and that it ends.
func TestRunTellsItsSupervisor(t *testing.T) {
	dir, err := os.MkdirTemp("", "") // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	socket := filepath.Join(dir, "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := l.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	cluster := alone(t)
	cmd := command(t, "run", "-c", filepath.Join(cluster, "node-0", "node.toml"))
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+socket, "WATCHDOG_USEC=300000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	hears := func(want string) {
		t.Helper()
		var heard []string
		for buffer := make([]byte, 4096); ; {
			n, err := l.Read(buffer)
			if err != nil {
				t.Fatalf("%v, want %q after %q", err, want, heard)
			}
			if heard = append(heard, string(buffer[:n])); strings.Contains(heard[len(heard)-1], want) {
				return
			}
		}
	}
	hears("READY=1\nSTATUS=heal")
	status := command(t, "status", "--committee", filepath.Join(cluster, "committee.toml"))
	if out, err := status.CombinedOutput(); status.ProcessState.ExitCode() > 1 { // 1 is a node that still looks for what it lacks
		t.Errorf("a node that says it is ready does not answer: %v: %s", err, out)
	}
	hears("WATCHDOG=1\nSTATUS=healthy")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	hears("STOPPING=1")
	if err := cmd.Wait(); err != nil {
		t.Errorf("the node ended with %v, want exit code 0", err)
	}
}
