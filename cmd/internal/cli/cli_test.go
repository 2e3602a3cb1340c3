package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestErrors(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	_, open := os.Open(missing)
	tests := []struct {
		name string
		err  error
		line string
		code int
	}{
		{"plain", errors.New("no"), "prog: no", Failed},
		{"found", AsFound(errors.New("rot")), "prog: rot", Found},
		{"wrapped found", fmt.Errorf("d: %w", AsFound(errors.New("rot"))), "prog: d: rot", Found},
		{"interrupted", fmt.Errorf("d: %w", context.Canceled), "prog: interrupted", Interrupted},
		{"package's name", errors.New("rs2d: d.rs2d: commit: wrong"), "prog: d.rs2d: wrong", Failed},
		{"request", errors.New(`node-1: Put "https://h:1/v1/blobs/x?a=b": dial tcp h:1: refused`), "prog: node-1: dial tcp h:1: refused", Failed},
		{"many", errors.Join(errors.New("a"), errors.New("b")), "prog: a; b", Failed},
		{"file", fmt.Errorf("read: %w", open), "prog: read: " + missing + ": " + fs.ErrNotExist.Error(), Failed},
		{"output", fmt.Errorf("d: %w", &OutputError{syscall.ENOSPC}), "prog: d: standard output: no space left on device", Failed},
		{"unread output", &OutputError{syscall.EPIPE}, "prog: standard output: broken pipe", ClosedPipe},
		{"interrupted output", &OutputError{context.Canceled}, "prog: interrupted", Interrupted},
		{"none", nil, "", OK},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := ExitCode(test.err); got != test.code {
				t.Errorf("exit code %d, want %d", got, test.code)
			}
			if test.err == nil {
				return
			}
			got := strings.Replace(OneLine("prog", test.err), "no such file or directory", fs.ErrNotExist.Error(), 1)
			if got != test.line {
				t.Errorf("%q, want %q", got, test.line)
			}
		})
	}
}

// grammar has one command, which does what its argument says.
type grammar struct {
	Do doCmd `cmd:""`
}

type doCmd struct {
	What string `arg:""`
}

func (c *doCmd) Run(app *bytes.Buffer) error {
	if c.What == "fail" {
		return AsFound(errors.New("failed"))
	}
	app.WriteString(c.What)
	return nil
}

func TestExecute(t *testing.T) {
	tests := []struct {
		name, args          string
		code                int
		app, stdout, stderr string // parts of them
	}{
		{name: "works", args: "do it", app: "it"},
		{name: "fails", args: "do fail", code: Found, stderr: "prog: failed\n"},
		{name: "no arguments", stdout: "Usage: prog"},
		{name: "help", args: "do --help", stdout: "Usage: prog do"},
		{name: "wrong usage", args: "undo", code: Failed, stderr: "prog: "},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var app, stdout, stderr bytes.Buffer
			p := &Program{Name: "prog", Grammar: new(grammar), ExitCode: ExitCode, Stdout: &stdout, Stderr: &stderr, App: &app}
			if got := p.Execute(strings.Fields(test.args)); got != test.code {
				t.Errorf("exit code %d, want %d", got, test.code)
			}
			for _, o := range []struct {
				name string
				got  *bytes.Buffer
				want string
			}{{"app", &app, test.app}, {"stdout", &stdout, test.stdout}, {"stderr", &stderr, test.stderr}} {
				if !strings.Contains(o.got.String(), o.want) || o.want == "" && o.got.Len() > 0 {
					t.Errorf("%s is %q, want %q in it", o.name, o.got, o.want)
				}
			}
		})
	}
}

// broken is an output that takes nothing.
type broken struct{ err error }

func (b broken) Write([]byte) (int, error) { return 0, b.err }

// TestBrokenOutput breaks standard output under everything that is printed: each time the
// exit code tells, even where the command looked at no error.
func TestBrokenOutput(t *testing.T) {
	tests := []struct {
		name, args string
		err        error
		code       int
		stderr     string
	}{
		{"full", "do print", syscall.ENOSPC, Failed, "prog: standard output: no space left on device\n"},
		{"full help", "--help", syscall.ENOSPC, Failed, "prog: standard output: no space left on device\n"},
		{"full and failed", "do printfail", syscall.EIO, Failed, "prog: failed\nprog: standard output: input/output error\n"},
		{"unread", "do print", syscall.EPIPE, ClosedPipe, ""},
		{"unread help", "do --help", syscall.EPIPE, ClosedPipe, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var stderr bytes.Buffer
			out := NewOutput(broken{test.err})
			p := &Program{Name: "prog", Grammar: new(printGrammar), ExitCode: ExitCode, Stdout: out, Stderr: &stderr, App: out}
			if got := p.Execute(strings.Fields(test.args)); got != test.code {
				t.Errorf("exit code %d, want %d", got, test.code)
			}
			if got := stderr.String(); got != test.stderr {
				t.Errorf("standard error %q, want %q", got, test.stderr)
			}
		})
	}
}

type printGrammar struct {
	Do printCmd `cmd:""`
}

type printCmd struct {
	What string `arg:""`
}

func (c *printCmd) Run(out *Output) error {
	fmt.Fprintln(out, "result")
	if c.What == "printfail" {
		return AsFound(errors.New("failed"))
	}
	return nil
}
