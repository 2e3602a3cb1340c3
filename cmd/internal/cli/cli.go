// Package cli is what the commands have in common: how a command line is run, and how
// it ends.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"reflect"
	"regexp"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
)

// Exit codes.
const (
	OK          = 0
	Found       = 1 // a check found something
	Failed      = 2
	Interrupted = 130
	ClosedPipe  = 141 // as shells report a process that SIGPIPE has ended
)

// FoundError is an error with the exit code Found.
type FoundError struct{ error }

func (e FoundError) Unwrap() error { return e.error }

// AsFound returns err with the exit code Found.
func AsFound(err error) error { return FoundError{err} }

// ExitCode returns the exit code that goes with an error which is no news of the
// program's own.
func ExitCode(err error) int {
	output := &OutputError{}
	switch found := (FoundError{}); {
	case err == nil:
		return OK
	case errors.As(err, &output):
		return output.exitCode()
	case interrupted(err):
		return Interrupted
	case errors.As(err, &found):
		return Found
	}
	return Failed
}

// Program is a command line.
type Program struct {
	Name     string
	About    string
	Grammar  any             // a pointer to what kong parses into
	ExitCode func(error) int // for errors of Grammar's commands
	Stdout   io.Writer       // for results
	Stderr   io.Writer       // for everything else
	App      any             // what Run of a command gets
}

// exited is what kong's Exit panics with, because kong goes on if Exit returns.
type exited int

// Execute runs the command line args and returns the exit code. Without any args it
// prints help; with --man alone, a page for man; with --completion and the name of a shell,
// a script for that. If results could not be written, the exit code is that of an
// *OutputError, whatever the command has returned. Stdout may be an *Output that App
// has too; what App writes elsewhere is for its commands to look after.
func (p *Program) Execute(args []string) int {
	out, ok := p.Stdout.(*Output)
	if !ok {
		out = NewOutput(p.Stdout)
	}
	code, err := p.execute(args, out)
	unwritten := &OutputError{}
	if err != nil && !errors.As(err, &unwritten) {
		fmt.Fprintln(p.Stderr, OneLine(p.Name, err))
	}
	if out.err == nil {
		return code
	}
	if code = out.err.exitCode(); code != ClosedPipe {
		fmt.Fprintln(p.Stderr, OneLine(p.Name, out.err))
	}
	return code
}

func (p *Program) execute(args []string, out *Output) (code int, err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case exited:
			code = int(r)
		default:
			panic(r)
		}
	}()
	parser, err := kong.New(p.Grammar,
		kong.Name(p.Name),
		kong.Description(p.About),
		kong.Writers(out, p.Stderr),
		kong.Exit(func(code int) { panic(exited(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.ShortUsageOnError(),
		kong.KindMapper(reflect.String, kong.MapperFunc(decodeString)),
		kong.Vars{"version": version(p.Name)})
	if err != nil {
		return p.ExitCode(err), err
	}
	switch {
	case len(args) == 0:
		args = []string{"--help"}
	case len(args) == 1 && args[0] == "--man":
		err := manual(out, p.Name, p.About, parser.Model)
		return p.ExitCode(err), err
	case len(args) == 2 && args[0] == "--completion":
		err := completion(out, args[1], p.Name, parser.Model)
		return p.ExitCode(err), err
	}
	parsed, err := parser.Parse(args)
	if err == nil {
		err = parsed.Run(p.App)
	}
	return p.ExitCode(err), err
}

// packages takes the packages' names out of errors: they are for programmers.
var packages = strings.NewReplacer(
	": rs2d: ", ": ", ": commit: ", ": ", ": rs: ", ": ",
	": client: ", ": ", ": committee: ", ": ", ": identity: ", ": ", ": light: ", ": ", ": node: ", ": ", ": store: ", ": ")

// requests are what net/http says before the reason why one failed. Nodes are named
// already, and their addresses stand in reasons.
var requests = regexp.MustCompile(`\b(Get|Put|Post) "https?://[^"]*": `)

// Brief takes out of an error's text what is for programmers.
func Brief(text string) string {
	return requests.ReplaceAllString(packages.Replace(": " + text)[len(": "):], "")
}

func interrupted(err error) bool { return errors.Is(err, context.Canceled) }

// OneLine writes an error for people, in one line that begins with the program's name.
func OneLine(program string, err error) string {
	if interrupted(err) {
		return program + ": interrupted"
	}
	text := err.Error()
	var path *fs.PathError
	if errors.As(err, &path) { // whether it was an open or a stat that failed is no news
		text = strings.Replace(text, path.Error(), fmt.Sprintf("%s: %v", path.Path, path.Err), 1)
	}
	return program + ": " + Brief(strings.ReplaceAll(text, "\n", "; "))
}

// Main runs execute with a context that ends when the process is asked to end. A second
// signal ends the process at once. It returns execute's exit code. Closed pipes are
// errors of the writer, and do not end the process.
func Main(execute func(context.Context) int) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	catchClosedPipes()
	return execute(ctx)
}

// endTimeout is how long a command may take to end once it is asked to.
const endTimeout = time.Second

// MainPrompt is Main for commands that leave nothing to be done when they are asked to
// end: one that has not ended a second later is left as it stands.
func MainPrompt(program string, execute func(context.Context) int) int {
	return Main(func(ctx context.Context) int {
		done := make(chan int, 1)
		go func() { done <- execute(ctx) }()
		select {
		case code := <-done:
			return code
		case <-ctx.Done():
		}
		select {
		case code := <-done:
			return code
		case <-time.After(endTimeout):
			fmt.Fprintln(os.Stderr, OneLine(program, ctx.Err()))
			return Interrupted
		}
	})
}

// version names the module's version, and the commit if it is known.
func version(name string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return name + " (devel)"
	}
	v := name + " " + info.Main.Version
	if info.Main.Version == "" {
		v = name + " (devel)"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			v += " " + s.Value[:min(12, len(s.Value))]
		}
	}
	return v + " " + info.GoVersion
}

// WriteJSON prints v for programs, and for people who look.
func WriteJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
