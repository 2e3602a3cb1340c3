package committee

import (
	"bytes"
	"fmt"
	"os"

	"github.com/BurntSushi/toml"

	"github.com/redstuff-go/redstuff/commit"
)

// file is the committee's file in TOML.
type file struct {
	Epoch   uint64        `toml:"epoch"`
	Scheme  commit.Scheme `toml:"scheme"`
	Members []Member      `toml:"member"`
	Clients []Client      `toml:"client"`
}

// Parse reads what MarshalText writes, verifies it as New does, and refuses keys it
// does not know. The error wraps ErrCommittee.
func Parse(text []byte) (*Committee, error) {
	var f file
	meta, err := toml.NewDecoder(bytes.NewReader(text)).Decode(&f)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCommittee, err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return nil, fmt.Errorf("%w: unknown key %s", ErrCommittee, unknown[0])
	}
	return New(f.Epoch, f.Scheme, f.Members, f.Clients)
}

// Load reads the committee's file. The error wraps ErrCommittee, or is that of
// reading the file.
func Load(path string) (*Committee, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c, err := Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// MarshalText writes the committee in TOML.
func (c *Committee) MarshalText() ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("# The committee of a RedStuff cluster. All nodes and clients have the same file; it holds no secret.\n")
	err := toml.NewEncoder(&b).Encode(file{c.epoch, c.scheme, c.members, c.clients})
	return b.Bytes(), err
}
