package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/alecthomas/kong"

	"github.com/redstuff-go/redstuff/cmd/internal/cli"
)

// configFile is the flag that names a TOML file with values for the other flags of the
// command. Keys are the flags' names, with _ for -. Relative paths in it are relative
// to the file. The command line and the environment go before it.
type configFile string

// BeforeResolve reads the file.
func (configFile) BeforeResolve(ctx *kong.Context, trace *kong.Path) error {
	name := string(ctx.FlagValue(trace.Flag).(configFile))
	var values map[string]any
	if _, err := toml.DecodeFile(name, &values); err != nil {
		return naming(name, err)
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
		switch value.(type) {
		case string, int64, float64, bool:
		default:
			return fmt.Errorf("%s: %s is neither a text nor a number", name, key)
		}
		text := fmt.Sprint(value)
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

// naming says which file an error is about, if the error does not.
func naming(name string, err error) error {
	if strings.Contains(err.Error(), name) {
		return err
	}
	return fmt.Errorf("%s: %w", name, err)
}

// byteSize is a number of bytes, such as 64MiB.
type byteSize = cli.Bytes
