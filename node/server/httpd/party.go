package httpd

import (
	"net"
	"net/netip"
)

// Class says what a party is to the server. A higher class is trusted with more.
type Class uint8

// Classes, in ascending order.
const (
	Stranger Class = iota // shows no key, or one that nobody knows
	Client                // may write
	Member                // runs a server like this one
)

// String names the class.
func (c Class) String() string {
	switch c {
	case Stranger:
		return "stranger"
	case Client:
		return "client"
	case Member:
		return "member"
	}
	return "unknown"
}

// Party is whoever is at the other end of a connection. Parties that are equal share what
// they are given.
type Party struct {
	Class Class
	Name  string // within the class; if it is empty, the network stands for it
	// ID is what a member is known by for its whole life. Its name may have been another's, of another
	// epoch.
	ID [32]byte
}

// network returns the part of an address that one stranger is known by: an IPv4 address,
// or the first 64 bits of an IPv6 address, of which anybody may have the rest.
func network(a net.Addr) string {
	if a == nil {
		return "unknown"
	}
	return networkOf(a.String())
}

func networkOf(hostPort string) string {
	at, err := netip.ParseAddrPort(hostPort)
	if err != nil {
		return "unknown"
	}
	ip := at.Addr().Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	prefix, err := ip.Prefix(64)
	if err != nil {
		return "unknown"
	}
	return prefix.String()
}
