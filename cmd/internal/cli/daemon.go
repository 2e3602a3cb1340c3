package cli

import (
	"context"
	"errors"
	"io"
	"os/signal"
	"syscall"
)

// Unusable is the exit code of a program that only its operator can help: to start it
// again does not.
const Unusable = 3

// App is what the commands of a program have of the world outside that serves, and reads no
// standard input.
type App struct {
	Ctx    context.Context
	Stdout io.Writer
	Stderr io.Writer
}

// Daemon is a command line of commands that take an *App.
type Daemon struct {
	Name     string
	About    string
	Grammar  any     // a pointer to what kong parses into
	Unusable []error // errors whose exit code is Unusable
}

// Execute runs the command line args and returns the exit code, see [Program.Execute].
func (d *Daemon) Execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	out := NewOutput(stdout)
	p := &Program{
		Name: d.Name, About: d.About, Grammar: d.Grammar, ExitCode: d.exitCode, Stdout: out, Stderr: stderr,
		App: &App{ctx, out, stderr},
	}
	return p.Execute(args)
}

func (d *Daemon) exitCode(err error) int {
	for _, reason := range d.Unusable {
		if errors.Is(err, reason) {
			return Unusable
		}
	}
	return ExitCode(err)
}

// UntilHangup returns a context that ends when the process is told that its terminal is
// gone, unless that is ignored already. A second signal ends the process at once. Who
// reads the log may leave without an end to the process.
func UntilHangup(ctx context.Context) (context.Context, context.CancelFunc) {
	signal.Ignore(syscall.SIGPIPE)
	if signal.Ignored(syscall.SIGHUP) {
		return context.WithCancel(ctx)
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGHUP)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}
