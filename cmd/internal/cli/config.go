package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/alecthomas/kong"
)

// ConfigFile is a flag that names a TOML file with values for the other flags of the
// command. Keys are the flags' names, with _ for -. Relative paths in it are relative
// to the file. The command line and the environment go before it.
type ConfigFile string

// BeforeResolve reads the file. It is called by kong.
func (ConfigFile) BeforeResolve(ctx *kong.Context, trace *kong.Path) error {
	name := string(ctx.FlagValue(trace.Flag).(ConfigFile))
	var values map[string]any
	if _, err := toml.DecodeFile(name, &values); err != nil {
		return Naming(name, err)
	}
	known := make(map[string]*kong.Flag)
	for _, flag := range ctx.Selected().Flags {
		if flag != trace.Flag {
			known[strings.ReplaceAll(flag.Name, "-", "_")] = flag
		}
	}
	found := make(map[*kong.Flag]string)
	for key, value := range values {
		flag := known[key]
		if flag == nil {
			return fmt.Errorf("%s: unknown key %s", name, key)
		}
		text, err := textOf(value, flag.IsSlice())
		if err != nil {
			return fmt.Errorf("%s: %s %w", name, key, err)
		}
		if flag.Tag.Type == "path" && !filepath.IsAbs(text) {
			text = filepath.Join(filepath.Dir(name), text)
		}
		found[flag] = text
	}
	ctx.AddResolver(kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		text, ok := found[flag]
		fromEnvironment := slices.ContainsFunc(flag.Tag.Envs, func(env string) bool {
			_, set := os.LookupEnv(env)
			return set
		})
		if !ok || fromEnvironment {
			return nil, nil
		}
		return text, nil
	}))
	return nil
}

// textOf returns a value as it would stand on the command line. A flag that may be given
// several times may have a list.
func textOf(value any, list bool) (string, error) {
	switch v := value.(type) {
	case string, int64, float64, bool:
		return fmt.Sprint(v), nil
	case []any:
		texts := make([]string, len(v))
		for i, one := range v {
			text, ok := one.(string)
			if !ok || strings.Contains(text, ",") {
				return "", fmt.Errorf("has %v, which is no text without a comma", one)
			}
			texts[i] = text
		}
		if list {
			return strings.Join(texts, ","), nil
		}
	}
	return "", errors.New("is neither a text nor a number")
}

// Naming says which file an error is about, if the error does not.
func Naming(name string, err error) error {
	if strings.Contains(err.Error(), name) {
		return err
	}
	return fmt.Errorf("%s: %w", name, err)
}
