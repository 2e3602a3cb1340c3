package main

import (
	"slices"
	"strings"
	"testing"
)

// TestInitAddresses has addresses and ports that nodes can and cannot have.
func TestInitAddresses(t *testing.T) {
	base := func() *initCmd {
		return &initCmd{Nodes: 3, Shards: 100, Host: "127.0.0.1", Port: 7100, AdminPort: 9100}
	}
	for _, c := range []struct {
		name      string
		change    func(*initCmd)
		addresses []string
		admins    []string
		want      string // in the error; none if empty
	}{
		{"default", func(*initCmd) {}, []string{"127.0.0.1:7100", "127.0.0.1:7101", "127.0.0.1:7102"}, []string{"127.0.0.1:9100", "127.0.0.1:9101", "127.0.0.1:9102"}, ""},
		{"IPv6", func(c *initCmd) { c.Host, c.Nodes = "::1", 1 }, []string{"[::1]:7100"}, []string{"127.0.0.1:9100"}, ""},
		{"no admin", func(c *initCmd) { c.AdminPort, c.Nodes = 0, 1 }, []string{"127.0.0.1:7100"}, nil, ""},
		{"next to one another", func(c *initCmd) { c.AdminPort, c.Nodes = 7101, 1 }, []string{"127.0.0.1:7100"}, []string{"127.0.0.1:7101"}, ""},
		{"own addresses", func(c *initCmd) { c.Address = []string{"a:1", "b:1"} }, []string{"a:1", "b:1"}, []string{"127.0.0.1:9100", "127.0.0.1:9101"}, ""},
		{"admin port of another host's node", func(c *initCmd) { c.Address = []string{"a:9101", "b:9100"} }, []string{"a:9101", "b:9100"}, []string{"127.0.0.1:9100", "127.0.0.1:9101"}, ""},

		{"every address", func(c *initCmd) { c.Address = []string{"0.0.0.0:7100"} }, nil, nil, "give the one by which other nodes reach this one"},
		{"every address of IPv6", func(c *initCmd) { c.Address = []string{"[::]:7100"} }, nil, nil, "give the one by which other nodes reach this one"},
		{"no host", func(c *initCmd) { c.Address = []string{":7100"} }, nil, nil, "give the name or IP address by which"},
		{"port 0", func(c *initCmd) { c.Address = []string{"a:0"} }, nil, nil, "a number from 1 to 65535"},
		{"port 99999", func(c *initCmd) { c.Address = []string{"a:99999"} }, nil, nil, "a number from 1 to 65535"},
		{"a space", func(c *initCmd) { c.Address = []string{"a b:1"} }, nil, nil, "a name has letters, digits, hyphens and dots"},
		{"no port", func(c *initCmd) { c.Address = []string{"a"} }, nil, nil, "is not HOST:PORT, such as"},
		{"the same twice", func(c *initCmd) { c.Address = []string{"a:1", "b:1", "A:1"} }, nil, nil, "each node has an address of its own"},
		{"host of every address", func(c *initCmd) { c.Host = "0.0.0.0" }, nil, nil, "--host 0.0.0.0: "},
		{"host with a port", func(c *initCmd) { c.Host = "a:1" }, nil, nil, "--host a:1: "},
		{"empty host", func(c *initCmd) { c.Host = "" }, nil, nil, "--host : "},
		{"port zero", func(c *initCmd) { c.Port = 0 }, nil, nil, "--port 0: 3 nodes need as many ports from there on, between 1 and 65535"},
		{"ports past the end", func(c *initCmd) { c.Port = 65534 }, nil, nil, "--port 65534: "},
		{"negative admin port", func(c *initCmd) { c.AdminPort = -1 }, nil, nil, "--admin-port -1: "},
		{"admin ports past the end", func(c *initCmd) { c.AdminPort = 65534 }, nil, nil, "--admin-port 65534: "},
		{"same ports", func(c *initCmd) { c.AdminPort = 7100 }, nil, nil, "port 7100 is that of the node at 127.0.0.1:7100: give ports that no node has"},
		{"the last node's port", func(c *initCmd) { c.AdminPort = 7102 }, nil, nil, "port 7102 is that of the node at 127.0.0.1:7102"},
		{"the last admin port", func(c *initCmd) { c.AdminPort = 7098 }, nil, nil, "port 7100 is that of the node at 127.0.0.1:7100"},
		{"admin ports of one host", func(c *initCmd) { c.Address = []string{"a:1", "b:2", "A:9100"} }, nil, nil, "port 9100 is that of the node at A:9100"},
		{"admin ports of localhost", func(c *initCmd) { c.Address = []string{"localhost:1", "127.0.0.1:9100"} }, nil, nil, "port 9100 is that of the node at 127.0.0.1:9100"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd := base()
			c.change(cmd)
			addresses, err := cmd.addresses()
			var admins []string
			if err == nil {
				admins, err = cmd.admins(addresses)
			}
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("error %v, want one with %q", err, c.want)
				}
				return
			}
			if err != nil || !slices.Equal(addresses, c.addresses) || !slices.Equal(admins, c.admins) {
				t.Errorf("%q, %q, %v, want %q, %q", addresses, admins, err, c.addresses, c.admins)
			}
		})
	}
}
