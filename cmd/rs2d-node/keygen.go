package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/redstuff-go/redstuff/cmd/internal/cli"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/fixed"
	"github.com/redstuff-go/redstuff/node/identity"
)

// keySuffix ends the names of files with secrets.
const keySuffix = ".key"

type keygenCmd struct {
	Name    string           `placeholder:"NAME" help:"Name in the committee's file; without it the file's name."`
	Address string           `placeholder:"HOST:PORT" help:"Make a node, which others reach here. Without it, a client is made."`
	Shards  committee.Shards `placeholder:"LIST" help:"Shards that the node owns, such as 0-24."`
	File    string           `arg:"" help:"File for the secret, NAME.key. Beside it NAME.pem gets the TLS certificate; a client's has its secret too, for curl."`
}

func (c *keygenCmd) Help() string {
	return `Prints the entry for the committee's file, which holds no secret. Who puts a committee together writes the entries of all nodes and clients into one file, below the lines network = "NAME", shards = 100 (all of them), scheme = "blake3" and epoch = 1.

Example: rs2d-node keygen --address storage.example.org:7100 --shards 0-24 node.key`
}

// entry is what a committee's file has for one node or client.
type entry struct {
	Members []committee.Member `toml:"member,omitempty"`
	Clients []fixed.Client     `toml:"client,omitempty"`
}

// Run makes a key.
func (c *keygenCmd) Run(a *cli.App) error {
	stem, ok := strings.CutSuffix(c.File, keySuffix)
	if !ok {
		return fmt.Errorf("%s: the file's name must end in %s", c.File, keySuffix)
	}
	name := c.Name
	if name == "" {
		name = filepath.Base(stem)
	}
	if (c.Address == "") != (len(c.Shards) == 0) {
		return errors.New("a node has --address and --shards, a client neither")
	}
	key := identity.GenerateKey()
	var e entry
	certificate, mode := certificatePEM(key), public
	if c.Address != "" {
		if err := committee.CheckAddress(c.Address); err != nil {
			return fmt.Errorf("--address: %w", err)
		}
		e.Members = []committee.Member{identity.NewMember(name, c.Address, key, c.Shards)}
	} else {
		e.Clients = []fixed.Client{{Name: name, TLSKey: key.TLSPublic()}}
		var err error
		if certificate, err = identityPEM(key); err != nil {
			return err
		}
		mode = secret
	}
	if err := createKey(c.File, key); err != nil {
		return err
	}
	if err := createFile(stem+".pem", certificate, mode); err != nil {
		return err
	}
	return toml.NewEncoder(a.Stdout).Encode(e)
}
