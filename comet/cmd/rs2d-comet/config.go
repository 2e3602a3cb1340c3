package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/alecthomas/kong"
)

// configFile is the flag that names a TOML file with values for the command's other
// flags. Keys are the flags' names, with _ for -. Relative paths in it are relative to the
// file. The command line and the environment go before it.
type configFile string

// BeforeResolve reads the file.
func (configFile) BeforeResolve(ctx *kong.Context, trace *kong.Path) error {
	name := string(ctx.FlagValue(trace.Flag).(configFile))
	var values map[string]any
	if _, err := toml.DecodeFile(name, &values); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	flags := make(map[string]*kong.Flag)
	for _, flag := range ctx.Selected().Flags {
		if flag != trace.Flag {
			flags[strings.ReplaceAll(flag.Name, "-", "_")] = flag
		}
	}
	texts := make(map[*kong.Flag]string)
	for key, value := range values {
		flag := flags[key]
		if flag == nil {
			return fmt.Errorf("%s: unknown key %s", name, key)
		}
		text, err := textOf(value)
		if err != nil {
			return fmt.Errorf("%s: %s: %w", name, key, err)
		}
		if flag.Tag.Type == "path" && !filepath.IsAbs(text) {
			text = filepath.Join(filepath.Dir(name), text)
		}
		texts[flag] = text
	}
	ctx.AddResolver(kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		text, ok := texts[flag]
		inEnvironment := slices.ContainsFunc(flag.Tag.Envs, func(env string) bool {
			_, set := os.LookupEnv(env)
			return set
		})
		if !ok || inEnvironment {
			return nil, nil
		}
		return text, nil
	}))
	return nil
}

// textOf returns a value as it would stand on the command line.
func textOf(value any) (string, error) {
	switch v := value.(type) {
	case string, int64, float64, bool:
		return fmt.Sprint(v), nil
	case []any:
		texts := make([]string, len(v))
		for i, one := range v {
			text, ok := one.(string)
			if !ok || strings.Contains(text, ",") {
				return "", fmt.Errorf("%v is no text without a comma", one)
			}
			texts[i] = text
		}
		return strings.Join(texts, ","), nil
	}
	return "", fmt.Errorf("%v is neither a text, a number, nor a list of texts", value)
}
