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
	"regexp"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
)

// Exit codes.
const (
	OK          = 0
	Found       = 1 // a check found something
	Failed      = 2
	Interrupted = 130
)

// FoundError is an error with the exit code Found.
type FoundError struct{ error }

func (e FoundError) Unwrap() error { return e.error }

// AsFound returns err with the exit code Found.
func AsFound(err error) error { return FoundError{err} }

// ExitCode returns the exit code that goes with an error which is no news of the
// program's own.
func ExitCode(err error) int {
	switch found := (FoundError{}); {
	case err == nil:
		return OK
	case errors.Is(err, context.Canceled):
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
// prints help.
func (p *Program) Execute(args []string) (code int) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case exited:
			code = int(r)
		default:
			panic(r)
		}
	}()
	fail := func(err error) int {
		fmt.Fprintln(p.Stderr, OneLine(p.Name, err))
		return p.ExitCode(err)
	}
	parser, err := kong.New(p.Grammar,
		kong.Name(p.Name),
		kong.Description(p.About),
		kong.Writers(p.Stdout, p.Stderr),
		kong.Exit(func(code int) { panic(exited(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.ShortUsageOnError(),
		kong.Vars{"version": version(p.Name)})
	if err != nil {
		return fail(err)
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		return fail(err)
	}
	if err := parsed.Run(p.App); err != nil {
		return fail(err)
	}
	return OK
}

// packages takes the packages' names out of errors: they are for programmers.
var packages = strings.NewReplacer(
	": rs2d: ", ": ", ": commit: ", ": ", ": rs: ", ": ",
	": client: ", ": ", ": committee: ", ": ", ": identity: ", ": ", ": node: ", ": ", ": store: ", ": ")

// requests are what net/http says before the reason why one failed. Nodes are named
// already, and their addresses stand in reasons.
var requests = regexp.MustCompile(`\b(Get|Put|Post) "https?://[^"]*": `)

// Brief takes out of an error's text what is for programmers.
func Brief(text string) string {
	return requests.ReplaceAllString(packages.Replace(": " + text)[len(": "):], "")
}

// OneLine writes an error for people, in one line that begins with the program's name.
func OneLine(program string, err error) string {
	if errors.Is(err, context.Canceled) {
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
// signal ends the process at once. It returns execute's exit code.
func Main(execute func(context.Context) int) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return execute(ctx)
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
