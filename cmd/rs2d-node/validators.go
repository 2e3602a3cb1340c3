package main

import (
	"bytes"
	"fmt"
	"net"
	"strconv"
)

// validatorPlace is where the validator beside a node is, with --control comet.
type validatorPlace struct {
	Ledger          string `json:"ledger,omitempty"`    // URL of its API, for its own machine
	Validator       string `json:"validator,omitempty"` // ID@HOST:PORT, for other validators
	ValidatorConfig string `json:"validator_config,omitempty"`

	address string // HOST:PORT, for other validators
	api     string // HOST:PORT
}

// validatorsOf returns where the validators of nodes are, whose ports for each other and
// for their nodes begin with two given ones.
func validatorsOf(addresses, admins []string, peerPort, apiPort int) ([]validatorPlace, error) {
	// What is on a node's machine already, admin addresses on its own loopback.
	taken := placesOf(addresses)
	for i, admin := range admins {
		taken[place{machine(addresses[i]), portOf(admin)}] = admin
	}
	take := func(flag string, first, i int, host, machine string) (string, error) {
		if last := first + len(addresses) - 1; first < 1 || last > maxPort {
			return "", fmt.Errorf("--%s %d: %d nodes need as many ports from there on, between 1 and %d", flag, first, len(addresses), maxPort)
		}
		address := net.JoinHostPort(host, strconv.Itoa(first+i))
		at := place{machine, portOf(address)}
		if other, ok := taken[at]; ok {
			return "", fmt.Errorf("--%s %d: port %s is taken by %s: give ports that nobody else has", flag, first, at.port, other)
		}
		taken[at] = address
		return address, nil
	}
	all := make([]validatorPlace, len(addresses))
	for i, address := range addresses {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		v := &all[i]
		if v.address, err = take("peer-port", peerPort, i, host, machine(address)); err != nil {
			return nil, err
		}
		if v.api, err = take("api-port", apiPort, i, "127.0.0.1", machine(address)); err != nil {
			return nil, err
		}
		v.Ledger = "http://" + v.api
	}
	return all, nil
}

// validatorConfig returns the configuration of a validator in TOML.
func validatorConfig(all []validatorPlace, i int) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# node-%d's validator. Keys are flags of rs2d-comet run, with _ for -; paths are relative to this file.\n", i)
	fmt.Fprintf(&b, "genesis = %q\nkey = %q\ndir = %q\nlisten = %q\napi = %q\npeer = [\n", genesisName, nodeKeyName, cometDir, all[i].address, all[i].api)
	for j, other := range all {
		if j != i {
			fmt.Fprintf(&b, "\t%q,\n", other.Validator)
		}
	}
	b.WriteString("]\n")
	return b.Bytes()
}
