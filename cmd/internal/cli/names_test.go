package cli

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestSumLine(t *testing.T) {
	tests := []struct{ name, file, want string }{
		{"plain", "photo.jpg", "ID  photo.jpg\n"},
		{"spaces", " a b ", "ID   a b \n"},
		{"not UTF-8", "caf\xe9", "ID  caf\xe9\n"},
		{"line break", "a\nb", `\ID  a\nb` + "\n"},
		{"return", "a\rb", `\ID  a\rb` + "\n"},
		{"backslash", `a\b`, `\ID  a\\b` + "\n"},
		{"what looks escaped", `a\nb`, `\ID  a\\nb` + "\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := SumLine("ID", test.file); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

// FuzzNames writes names in lines and in JSON, and finds them again, byte for byte.
func FuzzNames(f *testing.F) {
	for _, name := range []string{"", "photo.jpg", "caf\xe9", "a\nb", `\n`, "\\\\\n\r", "\uFFFD", "\xff\xfe\n"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		line := SumLine("ID", name)
		if strings.Count(line, "\n") != 1 || !strings.HasSuffix(line, "\n") {
			t.Fatalf("%q is not a line", line)
		}
		digest, got, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		if digest == `\ID` {
			got = strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\r`, "\r").Replace(got)
		}
		if got != name {
			t.Fatalf("%q reads %q, want %q", line, got, name)
		}
		data, err := json.Marshal(NewFileName(name))
		if err != nil {
			t.Fatal(err)
		}
		var back FileName
		if err := json.Unmarshal(data, &back); err != nil {
			t.Fatal(err)
		}
		exact := back.Name
		if back.Base64 != "" {
			raw, err := base64.StdEncoding.DecodeString(back.Base64)
			if err != nil {
				t.Fatal(err)
			}
			exact = string(raw)
		}
		if exact != name || (back.Base64 != "") == utf8.ValidString(name) {
			t.Fatalf("%s reads %q, want %q", data, exact, name)
		}
	})
}

// FuzzArguments passes names on the command line, in every way, byte for byte.
func FuzzArguments(f *testing.F) {
	f.Add("photo.jpg", "x")
	f.Add("caf\xe9.jpg", "\xff")
	f.Add("a,b\\", "=")
	f.Fuzz(func(t *testing.T, name, flag string) {
		if strings.Contains(name+flag, "\x00") {
			t.Skip("no argument of a program")
		}
		var app nameApp
		var out, errs bytes.Buffer
		p := &Program{Name: "prog", Grammar: new(nameGrammar), ExitCode: ExitCode, Stdout: &out, Stderr: &errs, App: &app}
		for _, args := range [][]string{
			{"do", "--flag=" + flag, "--", name},
			{"do", "-f" + flag, "--", name},
		} {
			if args[1] == "-f" {
				continue // its value would be the next one
			}
			if code := p.Execute(args); code != OK {
				t.Fatalf("%q: exit code %d: %s", args, code, &errs)
			}
			if app.flag != flag || len(app.names) != 1 || app.names[0] != name {
				t.Fatalf("%q: got %q, %q", args, app.flag, app.names)
			}
		}
	})
}

type nameApp struct {
	flag  string
	names []string
}

type nameGrammar struct {
	Do nameCmd `cmd:""`
}

type nameCmd struct {
	Flag  string   `short:"f"`
	Names []string `arg:""`
}

func (c *nameCmd) Run(app *nameApp) error {
	app.flag, app.names = c.Flag, c.Names
	return nil
}
