package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/redstuff-go/redstuff/cmd/internal/atomicfile"
	"github.com/redstuff-go/redstuff/cmd/internal/cli"
	"github.com/redstuff-go/redstuff/cmd/internal/ui"
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/fixed"
	"github.com/redstuff-go/redstuff/node/control/genesis"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// Names of what init writes.
const (
	committeeName = "committee.toml"
	genesisName   = "genesis.toml"
	nodesName     = "nodes.pem"
	nodeKeyName   = "node.key"
	configName    = "node.toml"
	storeName     = "store"
	cometName     = "comet.toml"
	cometDir      = "comet"
)

// Control planes.
const (
	controlFixed    = "fixed"
	controlEmbedded = "embedded"
	controlComet    = "comet"
)

type initCmd struct {
	Nodes      int                  `default:"4" help:"Number of nodes."`
	Shards     int                  `short:"n" default:"100" help:"Number of shards, which the nodes share."`
	Network    string               `placeholder:"NAME" help:"Name of the network, which tells it from others. By default one that is made up."`
	Scheme     commit.Scheme        `default:"blake3" help:"Hash of the commitments: blake3, or walrus for the ids of Walrus mainnet."`
	Metadata   committee.Form       `default:"full" help:"What nodes keep of the metadata of blobs: full, all of it; or coded, a part, of which readers gather f+1: with 1000 shards of as many nodes 1 MB for each blob instead of 66 MB."`
	Control    string               `enum:"fixed,embedded,comet" default:"fixed" help:"Control plane: fixed, a file of the committee, in which blobs live until they are removed; embedded, a ledger in one process, rs2d-ledger run, on which storage is paid for by epochs; or comet, the same ledger on validators, rs2d-comet run, one beside each node."`
	Epoch      uint64               `default:"1" help:"Number of the committee's epoch, where there is no ledger."`
	EpochTime  time.Duration        `default:"336h" help:"Duration of the ledger's epochs."`
	Tolerance  uint16               `name:"stake-tolerance" default:"0" placeholder:"BP" help:"With a ledger, by how much stake may get out of proportion to shards before a shard moves, in basis points, up to 10000: 500 keeps shards where they are when stake jitters by 5 percent."`
	Challenges ledger.ChallengeMode `default:"off" help:"With a ledger, whether nodes have to prove in each epoch what they store, and are paid for it only then: off, light (some blobs, drawn at random) or full. Blobs that are challenged cannot be read for as long as it takes, and reads wait."`
	Ledger     string               `default:"http://127.0.0.1:7000" placeholder:"URL" help:"Where nodes reach the ledger of --control embedded."`
	APIPort    int                  `name:"api-port" default:"7000" help:"With --control comet, port of the first node's ledger API on 127.0.0.1; the others have the next ones."`
	PeerPort   int                  `default:"7050" help:"With --control comet, port at which the first validator is reached by others, on the host of its node; the others have the next ones."`
	Capacity   cli.Bytes            `default:"1TiB" help:"Bytes that each node says it can store, for the ledger."`
	Host       string               `default:"127.0.0.1" help:"Host of all nodes."`
	Port       int                  `default:"7100" help:"Port of the first node; the others have the next ones."`
	AdminPort  int                  `default:"9100" help:"Port of the first node's metrics and profiles on 127.0.0.1; the others have the next ones. 0 is none."`
	Address    []string             `placeholder:"HOST:PORT" help:"Address of a node, in place of --nodes, --host and --port. Give one for each node."`
	Client     []string             `default:"client" help:"Names of clients that may write."`
	JSON       bool                 `name:"json" help:"Print one JSON object instead of text."`
	Dir        string               `arg:"" help:"Directory to make."`
}

func (c *initCmd) Help() string {
	return `The directory gets committee.toml, which all nodes and clients share; a directory node-N for each node, with its key, its configuration and a copy of committee.toml: all that its machine needs; for each client a key, and a PEM file of the same for curl; and nodes.pem, the TLS certificates of all nodes. It must not exist: no key is ever replaced.

Example: rs2d-node init --nodes 4 --shards 100 cluster

With --control embedded it gets genesis.toml in place of committee.toml, and nodes and clients have money on the ledger. rs2d-ledger run --genesis cluster/genesis.toml --dir cluster/ledger is the ledger.

With --control comet each node-N gets comet.toml, too: rs2d-comet run --config cluster/node-0/comet.toml is the validator of node-0, and node-0 follows the ledger by that one alone.

JSON: dir, committee or genesis (file), network, epoch, scheme, metadata, shards (n), faulty (f), nodes (name, address, admin, shards, config; with comet ledger (URL), validator (ID@HOST:PORT) and validator_config), clients (name, key).`
}

// initReport is what init prints as JSON.
type initReport struct {
	Dir       string       `json:"dir"`
	Committee string       `json:"committee,omitempty"`
	Genesis   string       `json:"genesis,omitempty"`
	Network   string       `json:"network"`
	Epoch     uint64       `json:"epoch"`
	Scheme    string       `json:"scheme"`
	Metadata  string       `json:"metadata"`
	Shards    int          `json:"shards"`
	Faulty    int          `json:"faulty"`
	Nodes     []initNode   `json:"nodes"`
	Clients   []initClient `json:"clients"`
}

type initNode struct {
	Name    string `json:"name"`
	Address string `json:"address"`
	Admin   string `json:"admin,omitempty"`
	Shards  string `json:"shards"`
	Config  string `json:"config"`
	validatorPlace
}

type initClient struct {
	Name string `json:"name"`
	Key  string `json:"key"`
}

// Run makes a committee.
func (c *initCmd) Run(a *cli.App) error {
	params, err := commit.NewParams(c.Shards)
	if err != nil {
		return fmt.Errorf("no code over %d shards: %w", c.Shards, err)
	}
	addresses, err := c.addresses()
	if err != nil {
		return err
	}
	admins, err := c.admins(addresses)
	if err != nil {
		return err
	}
	if c.Network == "" {
		c.Network = "redstuff-" + strings.ToLower(rand.Text()[:8])
	}
	var validators []validatorPlace
	if c.Control == controlComet {
		if validators, err = validatorsOf(addresses, admins, c.PeerPort, c.APIPort); err != nil {
			return err
		}
	}
	if c.Control != controlFixed && (c.EpochTime < time.Millisecond || c.Capacity <= 0) {
		return errors.New("--epoch-time and --capacity: must be more than zero")
	}
	if c.Challenges != ledger.ChallengesOff && c.Control == controlFixed {
		return errors.New("--challenges: a committee's file has no epochs; with --control embedded or comet there is a ledger")
	}
	if c.Tolerance > ledger.MaxStakeTolerance {
		return fmt.Errorf("--stake-tolerance %d: must be %d at most, which lets stake double", c.Tolerance, ledger.MaxStakeTolerance)
	}
	system := committee.System{Network: c.Network, Shards: c.Shards, Scheme: c.Scheme, Metadata: c.Metadata}
	if err := system.Validate(); err != nil {
		return err
	}
	if len(addresses) > c.Shards {
		return fmt.Errorf("%d shards are too few for %d nodes", c.Shards, len(addresses))
	}
	if _, err := os.Lstat(c.Dir); !errors.Is(err, fs.ErrNotExist) {
		if err == nil {
			err = fmt.Errorf("%s exists already", c.Dir)
		}
		return err
	}
	dir, err := atomicfile.CreateDir(c.Dir)
	if err != nil {
		return err
	}
	defer dir.Discard()
	r, err := c.write(dir.Path(), system, addresses, admins, validators)
	if err != nil {
		return err
	}
	if err := dir.Commit(); err != nil {
		return err
	}
	r.Faulty = params.F
	if largest := (c.Shards + len(addresses) - 1) / len(addresses); largest > params.F {
		fmt.Fprintf(a.Stderr, "rs2d-node: a node owns %d shards, of which %d may be down: the committee cannot do without any node\n", largest, params.F)
	}
	if c.JSON {
		return cli.WriteJSON(a.Stdout, r)
	}
	t := ui.NewTable(a.Stdout)
	if c.Control == controlComet {
		t.Row("NODE", "ADDRESS", "ADMIN", "LEDGER", "VALIDATOR", "CONFIGURATIONS")
		for _, n := range r.Nodes {
			t.Row(n.Name, n.Address, n.Admin, n.Ledger, n.address, n.Config+" "+n.ValidatorConfig)
		}
		return t.Flush()
	}
	t.Row("NODE", "ADDRESS", "ADMIN", "SHARDS", "CONFIGURATION")
	for _, n := range r.Nodes {
		t.Row(n.Name, n.Address, n.Admin, n.Shards, n.Config)
	}
	return t.Flush()
}

// addresses returns the nodes' addresses.
func (c *initCmd) addresses() ([]string, error) {
	if len(c.Address) > 0 {
		seen := make(map[string]bool)
		for _, address := range c.Address {
			if err := committee.CheckAddress(address); err != nil {
				return nil, fmt.Errorf("--address: %w", err)
			}
			if seen[strings.ToLower(address)] {
				return nil, fmt.Errorf("--address %s: is given twice, and each node has an address of its own", address)
			}
			seen[strings.ToLower(address)] = true
		}
		return c.Address, nil
	}
	if c.Nodes < 1 || c.Nodes > c.Shards {
		return nil, fmt.Errorf("--nodes %d: must be 1 to %d, the number of shards", c.Nodes, c.Shards)
	}
	if c.Port < 1 || c.Port+c.Nodes-1 > maxPort {
		return nil, fmt.Errorf("--port %d: %d nodes need as many ports from there on, between 1 and %d", c.Port, c.Nodes, maxPort)
	}
	addresses := make([]string, c.Nodes)
	for i := range addresses {
		addresses[i] = net.JoinHostPort(c.Host, strconv.Itoa(c.Port+i))
		if err := committee.CheckAddress(addresses[i]); err != nil {
			return nil, fmt.Errorf("--host %s: %w", c.Host, err)
		}
	}
	return addresses, nil
}

// admins returns the addresses of the nodes' metrics and profiles, or nil if they have
// none.
func (c *initCmd) admins(addresses []string) ([]string, error) {
	if c.AdminPort == 0 {
		return nil, nil
	}
	if c.AdminPort < 0 || c.AdminPort+len(addresses)-1 > maxPort {
		return nil, fmt.Errorf("--admin-port %d: there are no %d ports from there on, which end at %d", c.AdminPort, len(addresses), maxPort)
	}
	taken := placesOf(addresses)
	admins := make([]string, len(addresses))
	for i, address := range addresses {
		port := strconv.Itoa(c.AdminPort + i)
		admins[i] = net.JoinHostPort("127.0.0.1", port)
		if node, ok := taken[place{machine(address), port}]; ok { // the node's own loopback is meant
			return nil, fmt.Errorf("--admin-port %d: port %s is that of the node at %s: give ports that no node has, or 0 for none", c.AdminPort, port, node)
		}
	}
	return admins, nil
}

// place is a port of a machine. Nodes of one host share its ports.
type place struct{ machine, port string }

func placeOf(address string) place { return place{machine(address), portOf(address)} }

// placesOf returns the addresses by their places.
func placesOf(addresses []string) map[place]string {
	places := make(map[place]string)
	for _, address := range addresses {
		places[placeOf(address)] = address
	}
	return places
}

// machine returns the host of an address, one for all names of the own machine.
func machine(address string) string {
	host, _, _ := net.SplitHostPort(address)
	if ip := net.ParseIP(host); strings.EqualFold(host, "localhost") || ip.IsLoopback() {
		return "localhost"
	}
	return strings.ToLower(host)
}

func portOf(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}

// maxPort is the last port of TCP.
const maxPort = 1<<16 - 1

// plane returns the file that all nodes and clients share, and its name.
func (c *initCmd) plane(r *initReport, system committee.System, members []committee.Member, nodes []genesis.Node, clients []fixed.Client) (name string, text []byte, err error) {
	if c.Control != controlFixed {
		r.Genesis, r.Epoch = filepath.Join(c.Dir, genesisName), 1
		g, err := c.ledgerOf(system, nodes, clients)
		if err != nil {
			return "", nil, err
		}
		text, err = genesis.Marshal(g)
		return genesisName, text, err
	}
	r.Committee = filepath.Join(c.Dir, committeeName)
	all, err := committee.New(system, c.Epoch, members)
	if err != nil {
		return "", nil, err
	}
	control, err := fixed.New(all, clients...)
	if err != nil {
		return "", nil, err
	}
	text, err = control.MarshalText()
	return committeeName, text, err
}

// write makes all files, in dir, of a committee that will be in c.Dir.
func (c *initCmd) write(dir string, system committee.System, addresses, admins []string, validators []validatorPlace) (*initReport, error) {
	r := &initReport{
		Dir:     c.Dir,
		Network: c.Network, Epoch: c.Epoch, Scheme: c.Scheme.String(), Metadata: c.Metadata.String(), Shards: c.Shards,
	}
	var clients []fixed.Client
	for _, name := range c.Client {
		if name != filepath.Base(name) || name == "." || name == ".." {
			return nil, fmt.Errorf("--client %s: is no name for a file", name)
		}
		key := identity.GenerateKey()
		clients = append(clients, fixed.Client{Name: name, TLSKey: key.TLSPublic()})
		r.Clients = append(r.Clients, initClient{Name: name, Key: filepath.Join(c.Dir, name+keySuffix)})
		identity, err := identityPEM(key)
		if err != nil {
			return nil, err
		}
		if err := createKey(filepath.Join(dir, name+keySuffix), key); err != nil {
			return nil, err
		}
		if err := createFile(filepath.Join(dir, name+".pem"), identity, secret); err != nil {
			return nil, err
		}
	}

	var certificates bytes.Buffer
	var members []committee.Member
	var nodes []genesis.Node
	shards := committee.Spread(c.Shards, len(addresses))
	keys := make([]*identity.Key, len(addresses))
	for i := range keys {
		keys[i] = identity.GenerateKey()
		if validators != nil {
			validators[i].Validator = identity.ValidatorPeerID(keys[i].Account()) + "@" + validators[i].address
		}
	}
	for i, address := range addresses {
		n := initNode{Name: fmt.Sprintf("node-%d", i), Address: address, Shards: shards[i].String()}
		n.Config = filepath.Join(c.Dir, n.Name, configName)
		if admins != nil {
			n.Admin = admins[i]
		}
		key := keys[i]
		members = append(members, identity.NewMember(n.Name, address, key, shards[i]))
		nodes = append(nodes, genesis.NewNode(n.Name, address, key))
		certificates.Write(certificatePEM(key))
		own := filepath.Join(dir, n.Name)
		if err := os.Mkdir(own, 0o700); err != nil {
			return nil, err
		}
		if err := createKey(filepath.Join(own, nodeKeyName), key); err != nil {
			return nil, err
		}
		if validators != nil {
			n.validatorPlace = validators[i]
			n.ValidatorConfig = filepath.Join(c.Dir, n.Name, cometName)
			if err := createFile(filepath.Join(own, cometName), validatorConfig(validators, i), public); err != nil {
				return nil, err
			}
		}
		if err := createFile(filepath.Join(own, configName), c.config(&n), public); err != nil {
			return nil, err
		}
		r.Nodes = append(r.Nodes, n)
	}
	if err := createFile(filepath.Join(dir, nodesName), certificates.Bytes(), public); err != nil {
		return nil, err
	}
	name, text, err := c.plane(r, system, members, nodes, clients)
	if err != nil {
		return nil, err
	}
	for _, n := range r.Nodes {
		own := filepath.Join(dir, n.Name)
		if err := createFile(filepath.Join(own, name), text, public); err != nil {
			return nil, err
		}
		if err := atomicfile.SyncDir(own); err != nil {
			return nil, err
		}
	}
	return r, createFile(filepath.Join(dir, name), text, public)
}

// config returns the node's configuration in TOML.
func (c *initCmd) config(n *initNode) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s. Keys are flags of rs2d-node run, with _ for -; paths are relative to this file.\n", n.Name)
	switch c.Control {
	case controlEmbedded:
		fmt.Fprintf(&b, "genesis = %q\nledger = %q\n", genesisName, c.Ledger)
	case controlComet: // its own validator's, and no stranger's
		fmt.Fprintf(&b, "genesis = %q\nledger = %q\n", genesisName, n.Ledger)
	default:
		fmt.Fprintf(&b, "committee = %q\n", committeeName)
	}
	fmt.Fprintf(&b, "key = %q\nstore = %q\nlisten = %q\n", nodeKeyName, storeName, n.Address)
	if n.Admin != "" {
		fmt.Fprintf(&b, "admin = %q\n", n.Admin)
	}
	return b.Bytes()
}
