package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

// manual writes a page for man, in section 1, of a command line.
func manual(w io.Writer, name, about string, app *kong.Application) error {
	var b strings.Builder
	title, text, _ := strings.Cut(about, "\n")
	fmt.Fprintf(&b, ".TH %s 1 \"\" \"redstuff\" \"RedStuff\"\n", roffArg(strings.ToUpper(name)))
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", roff(name), roff(strings.TrimSuffix(title, ".")))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.nf\n")
	for _, node := range leaves(app.Node) {
		fmt.Fprintf(&b, "%s\n", roff(name+" "+strings.TrimPrefix(node.Summary(), name+" ")))
	}
	b.WriteString(".fi\n")
	if text = strings.TrimSpace(text); text != "" {
		fmt.Fprintf(&b, ".SH DESCRIPTION\n%s", paragraphs(text))
	}
	if app.Detail != "" {
		b.WriteString(paragraphs(app.Detail))
	}
	if len(app.Flags) > 0 {
		b.WriteString(".SH OPTIONS\n")
		options(&b, app.Flags)
	}
	commands := leaves(app.Node)
	if len(commands) > 0 && commands[0] != app.Node {
		b.WriteString(".SH COMMANDS\n")
		for _, node := range commands {
			fmt.Fprintf(&b, ".SS %s\n%s", roffArg(node.FullPath()), paragraphs(node.Help))
			if node.Detail != "" {
				b.WriteString(".PP\n" + paragraphs(node.Detail))
			}
			for _, p := range node.Positional {
				fmt.Fprintf(&b, ".TP\n.I %s\n%s", roff(p.Summary()), paragraphs(p.Help))
			}
			options(&b, own(node))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// leaves returns the commands that do something, in their order.
func leaves(node *kong.Node) (all []*kong.Node) {
	for _, child := range node.Children {
		if !child.Hidden {
			all = append(all, leaves(child)...)
		}
	}
	if len(all) == 0 || node.DefaultCmd != nil && node.Type == kong.CommandNode {
		all = append(all, node)
	}
	return all
}

// own returns the flags of a command, and of those above it but for the program's.
func own(node *kong.Node) (flags []*kong.Flag) {
	if node.Parent == nil {
		return nil
	}
	return append(own(node.Parent), node.Flags...)
}

// options writes flags.
func options(b *strings.Builder, flags []*kong.Flag) {
	for _, f := range flags {
		if f.Hidden {
			continue
		}
		name := "--" + f.Name
		if f.Tag.Negatable != "" {
			name = "--[no-]" + f.Name
		}
		if f.Short != 0 {
			name = "-" + string(f.Short) + ", " + name
		}
		if !f.IsBool() && !f.IsCounter() {
			name += "=" + f.FormatPlaceHolder()
		}
		help := f.Help
		if len(f.Envs) > 0 {
			help += " ($" + strings.Join(f.Envs, ", $") + ")"
		}
		fmt.Fprintf(b, ".TP\n.B %s\n%s", roff(name), paragraphs(help))
	}
}

// paragraphs writes text, whose paragraphs have empty lines between them, and whose other
// lines stay as they are.
func paragraphs(text string) string {
	var b strings.Builder
	for i, p := range strings.Split(strings.TrimSpace(text), "\n\n") {
		if i > 0 {
			b.WriteString(".PP\n")
		}
		for j, line := range strings.Split(p, "\n") {
			if j > 0 {
				b.WriteString(".br\n")
			}
			b.WriteString(roff(line) + "\n")
		}
	}
	return b.String()
}

var roffEscapes = strings.NewReplacer(`\`, `\e`, "-", `\-`)

// roff writes text so that nothing in it is a request.
func roff(text string) string {
	text = roffEscapes.Replace(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		text = `\&` + text
	}
	return text
}

// roffArg writes text as one argument of a request.
func roffArg(text string) string { return `"` + strings.ReplaceAll(roff(text), `"`, `""`) + `"` }
