package main

import (
	"fmt"
	"slices"
)

// rules are the arrows that there may be. Whoever needs another one asks first whether
// the thing it wants stands in the right room.
var rules = arrows{
	// The engine: fields, codes and commitments know nothing above them.
	"internal/alias":    {},
	"internal/bcs":      {},
	"internal/bitset":   {},
	"internal/cpu":      {},
	"internal/hugepage": {},
	"internal/nilargs":  {},
	"internal/parallel": {},
	"internal/pause":    {},
	"internal/reuse":    {},
	"internal/race":     {},
	"internal/gf16":     {"internal/cpu", "internal/race"},
	"internal/rscode":   {"internal/bitset", "internal/gf16"},
	"gf":                {"internal/alias", "internal/gf16"},
	"internal/lanehash": {"internal/alias", "internal/cpu", "internal/race"},
	"internal/ntstore":  {"internal/cpu", "internal/race"},
	"commit":            {"internal/bcs", "internal/lanehash", "internal/race"},
	"rs2d/rs":           {"internal/alias", "internal/bitset", "internal/gf16", "internal/parallel", "internal/rscode"},
	"rs2d":              {"commit", "internal/alias", "internal/bcs", "internal/hugepage", "internal/lanehash", "internal/ntstore", "internal/parallel", "internal/rscode"},

	// The node: pure rooms first; only node itself knows all, and only commands know it.
	"node/ledger/apportion":  {},
	"node/server/framing":    {},
	"node/server/httpd":      {"node/cork", "node/server/framing"},
	"node/ledger/codec":      {"internal/bcs"},
	"node/ledger/tree":       {"internal/bcs"},
	"node/committee":         {"commit"},
	"node/api":               {"commit", "node/committee", "rs2d"},
	"node/coded":             {"commit", "rs2d/rs"},
	"node/epoch":             {"node/committee"},
	"node/challenge":         {"commit", "internal/bcs", "node/committee", "node/ledger/codec"},
	"node/identity":          {"node/committee"},
	"node/ledger":            {"commit", "internal/bcs", "node/challenge", "node/committee", "node/ledger/apportion", "node/ledger/codec", "node/ledger/tree"},
	"node/cork":              {},
	"node/placement":         {"commit", "node/committee", "rs2d"},
	"node/store":             {"commit", "rs2d"},
	"node/control":           {"commit", "node/committee", "node/epoch"},
	"node/control/agreement": {"node/api", "node/committee", "node/epoch", "node/identity"},
	"node/control/chain":     {"commit", "node/ledger", "node/ledger/tree"},
	"node/control/embedded":  {"node/control/chain", "node/ledger", "node/ledger/codec", "node/ledger/light", "node/ledger/tree"},
	"node/control/fixed":     {"commit", "node/committee", "node/epoch"},
	"node/control/account":   {"commit", "internal/pause", "node/committee", "node/control/chain", "node/ledger", "node/ledger/codec"},
	"node/control/genesis":   {"commit", "node/committee", "node/identity", "node/ledger"},
	"node/control/follow":    {"commit", "node/api", "node/committee", "node/control", "node/control/chain", "node/epoch", "node/ledger", "node/ledger/codec", "node/store"},
	"node/collect":           {"commit", "internal/pause", "node/store"},
	"node/inventory":         {"commit", "node/store"},
	"node/fault":             {"commit", "internal/pause", "node/api", "node/committee"},
	"node/fault/flood":       {"commit", "node/api", "rs2d"},
	"node/ledger/light":      {"node/committee", "node/ledger", "node/ledger/codec", "node/ledger/tree"},
	"node/ledger/ledgertest": {"commit", "node/committee", "node/ledger"},
	"node/peer":              {"commit", "node/api", "node/committee", "node/epoch", "node/identity", "node/placement", "rs2d"},
	"node/server":            {"commit", "internal/reuse", "node/api", "node/challenge", "node/coded", "node/committee", "node/control", "node/epoch", "node/gate", "node/identity", "node/metadata", "node/placement", "node/server/httpd", "node/store", "rs2d"},
	"node/control/rpc":       {"commit", "internal/pause", "node/control/chain", "node/ledger", "node/ledger/codec", "node/ledger/light", "node/ledger/tree", "node/server/framing"},
	"node/internal":          {"node/api", "node/fault/flood"},
	"node/metadata":          {"commit", "node/coded", "node/committee", "node/peer", "node/placement", "node/store"},
	"node/invalid":           {"commit", "node/committee", "node/peer", "node/placement", "node/store", "rs2d"},
	"node/scrub":             {"commit", "internal/pause", "node/metadata", "node/peer", "node/placement", "node/store", "rs2d"},
	"node/client":            {"commit", "internal/pause", "internal/reuse", "node/api", "node/committee", "node/control", "node/identity", "node/invalid", "node/metadata", "node/peer", "node/placement", "rs2d"},
	"node/gate":              {"commit", "node/challenge"},
	"node/prove":             {"commit", "internal/pause", "node/challenge", "node/committee", "node/control/account", "node/control/chain", "node/gate", "node/ledger", "node/ledger/codec", "node/peer", "node/store", "rs2d"},
	"node/witness":           {"commit", "node/api", "node/committee", "node/control/account", "node/control/chain", "node/epoch", "node/ledger", "node/ledger/codec", "node/store"},
	"node/discover":          {"commit", "node/api", "node/committee", "node/invalid", "node/peer", "node/placement", "node/store"},
	"node/heal":              {"commit", "node/api", "node/committee", "node/invalid", "node/metadata", "node/peer", "node/placement", "node/store", "rs2d"},
	"node/migrate":           {"commit", "internal/pause", "node/api", "node/committee", "node/metadata", "node/peer", "node/placement", "node/store", "rs2d"},
	"node":                   {"commit", "gf", "node/api", "node/collect", "node/committee", "node/control", "node/control/account", "node/control/agreement", "node/control/chain", "node/control/follow", "node/discover", "node/epoch", "node/gate", "node/heal", "node/identity", "node/invalid", "node/inventory", "node/ledger", "node/metadata", "node/migrate", "node/peer", "node/placement", "node/prove", "node/scrub", "node/server", "node/server/httpd", "node/store", "node/witness", "rs2d"},

	// The ledger on CometBFT: nobody else links it.
	"comet/internal": {"commit", "node/committee", "node/ledger"},
	"comet/kv":       {},
	"comet/headers":  {},
	"comet/app":      {"comet/kv", "node/control/chain", "node/ledger", "node/ledger/codec", "node/ledger/light", "node/ledger/tree"},
	"comet":          {"comet/app", "comet/headers", "comet/kv", "node/control/chain", "node/identity", "node/ledger", "node/ledger/light"},
	"cmd/rs2d-comet": {"cmd/internal", "comet", "comet/headers", "node/control/chain", "node/control/genesis", "node/control/rpc", "node/identity"},

	// Around them.
	"asm":             {},
	"compat":          {"rs2d/rs"},
	"bench":           {"commit", "compat", "gf", "rs2d", "rs2d/rs"},
	"cmd/internal":    {"commit", "gateway/quilt", "node/control", "node/control/chain", "node/control/fixed", "node/control/follow", "node/control/genesis", "node/control/rpc", "node/ledger", "node/ledger/light", "rs2d"},
	"cmd/rs2d":        {"cmd/internal", "commit", "gateway/quilt", "gf", "node/client", "node/committee", "node/control", "node/control/account", "node/control/chain", "node/control/fixed", "node/control/genesis", "node/control/rpc", "node/identity", "node/ledger", "node/ledger/light", "node/ledger/tree", "node/peer", "rs2d"},
	"cmd/rs2d-ledger": {"cmd/internal", "commit", "internal/pause", "node/committee", "node/control/account", "node/control/chain", "node/control/embedded", "node/control/genesis", "node/control/rpc", "node/ledger"},
	"cmd/rs2d-load":   {"cmd/internal", "commit", "internal/pause", "node", "node/api", "node/client", "node/committee", "node/control", "node/control/account", "node/control/chain", "node/control/embedded", "node/control/fixed", "node/control/follow", "node/control/genesis", "node/control/rpc", "node/fault", "node/fault/flood", "node/heal", "node/identity", "node/ledger", "node/peer", "node/placement", "node/server/httpd", "node/store", "rs2d"},

	// Other people's clients.
	"gateway/conformance":        {},
	"gateway/internal/walrusapi": {},
	"gateway/blocklist":          {"commit"},
	"gateway/quilt":              {"commit", "internal/bcs"},
	"gateway/daemon":             {"commit", "gateway/internal/walrusapi", "gateway/quilt", "node/client", "node/committee", "node/control/account", "node/control/chain", "node/ledger", "rs2d"},
	"gateway/sdk":                {"commit", "gateway/internal/walrusapi", "internal/bcs", "node/api", "node/challenge", "node/coded", "node/committee", "node/control", "node/control/chain", "node/gate", "node/metadata", "node/placement", "node/server", "node/server/httpd", "node/store", "rs2d"},
	"cmd/rs2d-gateway":           {"cmd/internal", "gateway/blocklist", "gateway/daemon", "node/client", "node/control/account", "node/identity", "node/server/httpd"},
	"cmd/rs2d-node":              {"cmd/internal", "commit", "gateway/blocklist", "gateway/sdk", "internal/pause", "node", "node/api", "node/client", "node/committee", "node/control", "node/control/account", "node/control/chain", "node/control/fixed", "node/control/follow", "node/control/genesis", "node/control/rpc", "node/identity", "node/ledger", "node/peer", "node/server", "node/server/httpd", "node/store", "rs2d"},
	"node/nodetest":              {"commit", "node", "node/committee", "node/control", "node/control/chain", "node/control/embedded", "node/control/fixed", "node/control/follow", "node/control/genesis", "node/control/rpc", "node/identity", "node/ledger", "node/store"},
}

// broken returns what of the arrows the rules do not allow, in sentences.
func (rules arrows) broken(a arrows) (broken []string) {
	for _, room := range a.rooms() {
		allowed, known := rules[room]
		if !known {
			broken = append(broken, fmt.Sprintf("%s is a new room: say in rules.go which rooms it may import", room))
			continue
		}
		for _, to := range a[room] {
			if !slices.Contains(allowed, to) {
				broken = append(broken, fmt.Sprintf("%s imports %s, and may import %v only", room, to, allowed))
			}
		}
	}
	for _, room := range rules.rooms() {
		if _, there := a[room]; !there {
			broken = append(broken, fmt.Sprintf("%s is in rules.go, and is no room any more", room))
		}
	}
	return broken
}
