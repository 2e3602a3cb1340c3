package cli

import (
	"bytes"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// toolGrammar has what there is in command lines.
type toolGrammar struct {
	Put struct {
		File  string `arg:"" help:"What to store."`
		Check string `enum:"strict,none" default:"strict" help:"How to check. It's slow."`
		Keep  bool   `negatable:"" default:"true" short:"k" help:"Keep a copy."`
		Key   string `placeholder:"FILE" env:"TOOL_KEY" help:"A .key file: it begins with a dot."`
	} `cmd:"" help:"Store a file."`
	Ledger struct {
		Status struct{} `cmd:"" help:"How it is."`
		Events struct {
			From int `default:"1" help:"The first."`
		} `cmd:"" help:"What happened."`
	} `cmd:"" help:"Ask a ledger."`
	Secret struct{} `cmd:"" hidden:""`
}

func toolOutput(t *testing.T, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	p := &Program{Name: "my-tool", About: "A tool.\n\n.It begins with a dot, and has a \\ in it.", Grammar: new(toolGrammar), ExitCode: ExitCode, Stdout: &out, Stderr: &errs}
	if code := p.Execute(args); code != OK {
		t.Fatalf("exit code %d: %s", code, &errs)
	}
	return out.String()
}

func TestManual(t *testing.T) {
	page := toolOutput(t, "--man")
	for _, want := range []string{
		".TH \"MY\\-TOOL\" 1", "my\\-tool \\- A tool\n", "\n\\&.It begins with a dot, and has a \\e in it.\n", "my\\-tool put <file> [flags]",
		".SS \"my\\-tool ledger events\"", ".B \\-k, \\-\\-[no\\-]keep", ".B \\-\\-check=\"strict\"", "($TOOL_KEY)", ".I <file>\nWhat to store.",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("without %q:\n%s", want, page)
		}
	}
	if strings.Contains(page, "secret") {
		t.Error("shows what is hidden")
	}
}

// TestCompletion completes words in those shells that are here.
func TestCompletion(t *testing.T) {
	for _, shell := range Shells() {
		if script := toolOutput(t, "--completion", shell); !strings.Contains(script, "ledger") || strings.Contains(script, "secret") {
			t.Errorf("%s:\n%s", shell, script)
		}
		if path, err := exec.LookPath(shell); err == nil {
			cmd := exec.Command(path, "-n", "/dev/stdin")
			cmd.Stdin = strings.NewReader(toolOutput(t, "--completion", shell))
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s does not understand it: %v: %s", shell, err, out)
			}
		}
	}
	p := &Program{Name: "my-tool", Grammar: new(toolGrammar), ExitCode: ExitCode, Stdout: new(bytes.Buffer), Stderr: new(bytes.Buffer)}
	if code := p.Execute([]string{"--completion", "csh"}); code != Failed {
		t.Errorf("exit code %d for a shell that nobody knows, want %d", code, Failed)
	}
	shell, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash")
	}
	script := toolOutput(t, "--completion", "bash")
	for line, want := range map[string]string{
		"my-tool l": "ledger", "my-tool put --ch": "--check", "my-tool put --check ": "strict none", "my-tool put --check s": "strict",
		"my-tool ledger ": "status events", "my-tool ledger events --fr": "--from", "my-tool put -k --no": "--no-keep", "my-tool sec": "",
	} {
		words := strings.Split(line, " ")
		cmd := exec.Command(shell, append([]string{"--norc", "-c", script + "COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _my_tool; echo \"${COMPREPLY[@]}\"", "bash"}, words...)...)
		out, err := cmd.CombinedOutput()
		if got := strings.Fields(string(out)); err != nil || !slices.Equal(got, strings.Fields(want)) {
			t.Errorf("%q becomes %q, %v, want %q", line, got, err, want)
		}
	}
}
