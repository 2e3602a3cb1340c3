package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// Shells are those for which there is completion.
func Shells() []string { return []string{"bash", "zsh", "fish"} }

// completion writes a script by which a shell completes a command line: commands, flags,
// the values of those that have a list of them, and files everywhere else.
func completion(w io.Writer, shell, name string, app *kong.Application) error {
	var b strings.Builder
	switch shell {
	case "bash":
		bash(&b, name, app)
	case "zsh":
		zsh(&b, name, app)
	case "fish":
		fish(&b, name, app)
	default:
		return fmt.Errorf("--completion %s: want one of %s", shell, strings.Join(Shells(), ", "))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// word is something that a shell completes, with what it says of it.
type word struct{ text, help string }

// offer is what may follow the words of a command.
type offer struct {
	path     string // the words, a space before each
	commands []word
	flags    []*kong.Flag
}

// offers returns what may follow each command, from the program on.
func offers(app *kong.Application) (all []offer) {
	var walk func(node *kong.Node, path string, inherited []*kong.Flag)
	walk = func(node *kong.Node, path string, inherited []*kong.Flag) {
		o := offer{path: path, flags: inherited}
		for _, f := range node.Flags {
			if !f.Hidden {
				o.flags = append(slices.Clip(o.flags), f)
			}
		}
		for _, child := range node.Children {
			if !child.Hidden {
				o.commands = append(o.commands, word{child.Name, firstSentence(child.Help)})
			}
		}
		all = append(all, o)
		for _, child := range node.Children {
			if !child.Hidden {
				walk(child, path+" "+child.Name, o.flags)
			}
		}
	}
	walk(app.Node, "", nil)
	return all
}

// names are how a flag is written.
func names(f *kong.Flag) (all []string) {
	all = append(all, "--"+f.Name)
	if f.Tag.Negatable != "" {
		all = append(all, "--no-"+f.Name)
	}
	if f.Short != 0 {
		all = append(all, "-"+string(f.Short))
	}
	return all
}

// takes reports whether a flag has a value.
func takes(f *kong.Flag) bool { return !f.IsBool() && !f.IsCounter() }

// values are those that a flag may have, if there is a list.
func values(f *kong.Flag) []string {
	if f.Enum == "" {
		return nil
	}
	return f.EnumSlice()
}

func firstSentence(help string) string {
	first, _, _ := strings.Cut(help, ". ")
	return strings.TrimSuffix(first, ".")
}

// quoted writes text between single quotes.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// function names a shell function.
func function(name string) string { return "_" + strings.ReplaceAll(name, "-", "_") }

// paths writes the cases by which a shell finds the command in what was typed.
func paths(b *strings.Builder, all []offer, indent string) {
	for _, o := range all {
		if o.path != "" {
			fmt.Fprintf(b, "%s%s) at=%s ;;\n", indent, quoted(o.path), quoted(o.path))
		}
	}
}

func bash(b *strings.Builder, name string, app *kong.Application) {
	all := offers(app)
	fmt.Fprintf(b, "# Completion of %s for bash, made by %s --completion bash.\n%s() {\n", name, name, function(name))
	b.WriteString("\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} at='' words='' i\n" +
		"\tfor ((i = 1; i < COMP_CWORD; i++)); do\n\t\tcase \"$at ${COMP_WORDS[i]}\" in\n")
	paths(b, all, "\t\t")
	b.WriteString("\t\tesac\n\tdone\n\tcase $at in\n")
	for _, o := range all {
		var commands, flags []string
		var listed, valued []string
		for _, c := range o.commands {
			commands = append(commands, c.text)
		}
		for _, f := range o.flags {
			flags = append(flags, names(f)...)
			switch list := values(f); {
			case list != nil:
				listed = append(listed, fmt.Sprintf("\t\t%s) COMPREPLY=($(compgen -W %s -- \"$cur\")); return ;;\n", strings.Join(names(f), "|"), quoted(strings.Join(list, " "))))
			case takes(f):
				valued = append(valued, names(f)...)
			}
		}
		fmt.Fprintf(b, "\t%s)\n\t\tcase $prev in\n%s", quoted(o.path), strings.Join(listed, ""))
		if len(valued) > 0 {
			fmt.Fprintf(b, "\t\t%s) COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n", strings.Join(valued, "|"))
		}
		fmt.Fprintf(b, "\t\tesac\n\t\twords=%s\n\t\t[[ $cur == -* ]] && words=%s\n\t\t;;\n", quoted(strings.Join(commands, " ")), quoted(strings.Join(flags, " ")))
	}
	b.WriteString("\tesac\n\tif [[ -n $words ]]; then\n\t\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n\telse\n\t\tCOMPREPLY=($(compgen -f -- \"$cur\"))\n\tfi\n}\n")
	fmt.Fprintf(b, "complete -o filenames -F %s %s\n", function(name), name)
}

func zsh(b *strings.Builder, name string, app *kong.Application) {
	all := offers(app)
	fmt.Fprintf(b, "#compdef %s\n# Completion of %s for zsh, made by %s --completion zsh.\n%s() {\n", name, name, name, function(name))
	b.WriteString("\tlocal at='' word\n\tlocal -a commands flags list\n\tfor word in ${words[2,CURRENT-1]}; do\n\t\tcase \"$at $word\" in\n")
	paths(b, all, "\t\t")
	b.WriteString("\t\tesac\n\tdone\n\tcase $at in\n")
	describe := func(w word) string {
		return quoted(strings.ReplaceAll(w.text, ":", `\:`) + ":" + w.help)
	}
	for _, o := range all {
		var commands, flags []string
		var listed, valued []string
		for _, c := range o.commands {
			commands = append(commands, describe(c))
		}
		for _, f := range o.flags {
			for _, n := range names(f) {
				flags = append(flags, describe(word{n, firstSentence(f.Help)}))
			}
			switch list := values(f); {
			case list != nil:
				listed = append(listed, fmt.Sprintf("\t\t%s) list=(%s); _describe value list; return ;;\n", strings.Join(names(f), "|"), strings.Join(list, " ")))
			case takes(f):
				valued = append(valued, names(f)...)
			}
		}
		fmt.Fprintf(b, "\t%s)\n\t\tcase ${words[CURRENT-1]} in\n%s", quoted(o.path), strings.Join(listed, ""))
		if len(valued) > 0 {
			fmt.Fprintf(b, "\t\t%s) _files; return ;;\n", strings.Join(valued, "|"))
		}
		fmt.Fprintf(b, "\t\tesac\n\t\tcommands=(%s)\n\t\tflags=(%s)\n\t\t;;\n", strings.Join(commands, " "), strings.Join(flags, " "))
	}
	b.WriteString("\tesac\n\tif [[ $words[CURRENT] == -* ]]; then\n\t\t_describe -o flag flags\n\telif (( $#commands )); then\n\t\t_describe command commands\n\telse\n\t\t_files\n\tfi\n}\n")
	fmt.Fprintf(b, "%s \"$@\"\n", function(name))
}

func fish(b *strings.Builder, name string, app *kong.Application) {
	all := offers(app)
	fmt.Fprintf(b, "# Completion of %s for fish, made by %s --completion fish.\n", name, name)
	for _, o := range all {
		// A command is seen, and none of those below it.
		var when []string
		for _, w := range strings.Fields(o.path) {
			when = append(when, "__fish_seen_subcommand_from "+w)
		}
		var below []string
		for _, c := range o.commands {
			below = append(below, c.text)
		}
		if len(below) > 0 {
			when = append(when, "not __fish_seen_subcommand_from "+strings.Join(below, " "))
		}
		condition := ""
		if len(when) > 0 {
			condition = " -n " + quoted(strings.Join(when, "; and "))
		}
		for _, c := range o.commands {
			fmt.Fprintf(b, "complete -c %s%s -f -a %s -d %s\n", name, condition, c.text, quoted(c.help))
		}
		for _, f := range o.flags {
			fmt.Fprintf(b, "complete -c %s%s -l %s", name, condition, f.Name)
			if f.Short != 0 {
				fmt.Fprintf(b, " -s %c", f.Short)
			}
			if list := values(f); list != nil {
				fmt.Fprintf(b, " -x -a %s", quoted(strings.Join(list, " ")))
			} else if takes(f) {
				b.WriteString(" -r")
			}
			fmt.Fprintf(b, " -d %s\n", quoted(firstSentence(f.Help)))
		}
	}
}
