package main

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// fault is a line in another form.
type fault struct {
	kind string // flip, swap or call
	in   string // the function or table
	line int
	text string
}

var (
	textLine = regexp.MustCompile(`^TEXT ·(\w+)\(SB\)`)
	dataLine = regexp.MustCompile(`^(DATA (\w+)<>.*, \$)0x([0-9a-f]{1,16})$`)
	callLine = regexp.MustCompile(`^(\s+CALL\s+·)(\w+)(\(SB\))$`)
	register = regexp.MustCompile(`^([XYZK])[0-9]+$|^(R[0-9]+|[ABCD]X|[SD]I|BP)$`)
)

// commutes lists instructions whose first two operands may be swapped.
var commutes = regexp.MustCompile(`^VP(ADD|XOR|AND|OR)[A-Z]?$`)

// list returns the faults there are: one bit of each byte of a table, which random chooses,
// each swap of two registers of one kind, and for each call another function that is called.
func list(lines []string, random *rand.Rand) []fault {
	var called []string
	for _, line := range lines {
		if m := callLine.FindStringSubmatch(line); m != nil && !slices.Contains(called, m[2]) {
			called = append(called, m[2])
		}
	}
	var faults []fault
	in := ""
	for i, line := range lines {
		if m := textLine.FindStringSubmatch(line); m != nil {
			in = m[1]
			continue
		}
		if m := dataLine.FindStringSubmatch(line); m != nil {
			value, _ := strconv.ParseUint(m[3], 16, 64)
			for b := range (len(m[3]) + 1) / 2 {
				flipped := value ^ 1<<(8*b+random.IntN(8))
				faults = append(faults, fault{"flip", m[2], i, fmt.Sprintf("%s0x%0*x", m[1], len(m[3]), flipped)})
			}
			continue
		}
		if m := callLine.FindStringSubmatch(line); m != nil {
			for _, other := range called {
				if other != m[2] {
					faults = append(faults, fault{"call", in, i, m[1] + other + m[3]})
				}
			}
			continue
		}
		for _, text := range swaps(line) {
			faults = append(faults, fault{"swap", in, i, text})
		}
	}
	return faults
}

// swaps returns an instruction with each two of its registers swapped, unless that changes
// nothing.
func swaps(line string) []string {
	name, rest, found := strings.Cut(strings.TrimSpace(line), " ")
	if !found || !strings.HasPrefix(line, "\t") || strings.HasPrefix(name, "//") {
		return nil
	}
	operands := strings.Split(rest, ",")
	var list []string
	for j := range operands {
		for i := range j {
			a, b := strings.TrimSpace(operands[i]), strings.TrimSpace(operands[j])
			if a == b || kindOf(a) == "" || kindOf(a) != kindOf(b) || i == 0 && j == 1 && len(operands) == 3 && commutes.MatchString(name) {
				continue
			}
			swapped := slices.Clone(operands)
			swapped[i], swapped[j] = b, a
			list = append(list, "\t"+name+" "+strings.Join(swapped, ", "))
		}
	}
	return list
}

// kindOf tells registers that may stand in each other's place; it is empty for what is no
// register.
func kindOf(operand string) string {
	m := register.FindStringSubmatch(operand)
	switch {
	case m == nil:
		return ""
	case m[2] != "":
		return "general"
	}
	return m[1]
}
