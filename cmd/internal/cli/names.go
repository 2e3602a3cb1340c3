package cli

import (
	"encoding/base64"
	"fmt"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/alecthomas/kong"
)

// decodeString takes a string from the command line byte for byte. kong's own way is
// through JSON, which has no room for names that are not UTF-8.
func decodeString(ctx *kong.DecodeContext, target reflect.Value) error {
	token, err := ctx.Scan.PopValue("string")
	if err != nil {
		return err
	}
	text, ok := token.Value.(string)
	if !ok {
		return fmt.Errorf("expected a string but got %v (%T)", token.Value, token.Value)
	}
	target.SetString(text)
	return nil
}

// SumLine writes a line of a digest and a file's name as sha256sum does: a name with a
// line break or a backslash is escaped, and the line begins with a backslash then.
func SumLine(digest, name string) string {
	escaped := sumEscapes.Replace(name)
	if escaped != name {
		digest = `\` + digest
	}
	return digest + "  " + escaped + "\n"
}

// Shown returns a name as it is shown to people: without what breaks lines, or tells a terminal to do
// something.
func Shown(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return utf8.RuneError
		}
		return r
	}, name)
}

var sumEscapes = strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`)

// FileName is a file's name in JSON. Name has U+FFFD for bytes that are not UTF-8; if
// there are any, Base64 has the exact name.
type FileName struct {
	Name   string `json:"file"`
	Base64 string `json:"file_base64,omitempty"`
}

// NewFileName returns the name in the form that JSON can hold.
func NewFileName(name string) FileName {
	if utf8.ValidString(name) {
		return FileName{Name: name}
	}
	return FileName{strings.ToValidUTF8(name, "\uFFFD"), base64.StdEncoding.EncodeToString([]byte(name))}
}
