package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// drawing returns the rooms in Markdown: a graph of who stands on whom, and a matrix
// of every arrow.
//
// The graph leaves out an arrow where a longer way leads to the same room, because
// with all of them nobody would see anything. The matrix has them all.
func drawing(a arrows) string {
	return "\n```mermaid\n" + graph(a) + "```\n\n" + matrixText + "\n```text\n" + matrix(a) + "```\n\n"
}

const matrixText = "All arrows: a room imports those with an `x` in its line, which stand under the numbers of their own\n" +
	"lines. Rooms are in the order of their floors, so an arrow up would stand right of the diagonal.\n"

// byFloor returns the rooms from the lowest floor up.
func byFloor(a arrows) []string {
	rooms := a.rooms()
	slices.SortStableFunc(rooms, func(x, y string) int { return cmp.Compare(a.floor(x), a.floor(y)) })
	return rooms
}

// apart reports whether nothing leads to or from a room.
func apart(a arrows, room string) bool {
	imported := func(from string) bool { return slices.Contains(a[from], room) }
	return len(a[room]) == 0 && !slices.ContainsFunc(a.rooms(), imported)
}

func graph(a arrows) string {
	var b strings.Builder
	b.WriteString("graph TD\n")
	name := func(room string) string { return strings.NewReplacer("/", "_", "-", "_").Replace(room) }
	for _, room := range slices.Backward(byFloor(a)) {
		if apart(a, room) {
			continue
		}
		fmt.Fprintf(&b, "  %s[\"%s\"]\n", name(room), room)
		for _, to := range a.direct(room) {
			fmt.Fprintf(&b, "  %s --> %s\n", name(room), name(to))
		}
	}
	return b.String()
}

func matrix(a arrows) string {
	rooms := slices.DeleteFunc(byFloor(a), func(room string) bool { return apart(a, room) })
	width := 0
	for _, room := range rooms {
		width = max(width, len(room))
	}
	var b strings.Builder
	for i, room := range rooms {
		line := fmt.Sprintf("%2d %-*s ", i+1, width, room)
		for j, to := range rooms {
			switch {
			case i == j:
				line += fmt.Sprintf(" %2d", i+1)
			case slices.Contains(a[room], to):
				line += "  x"
			case j < i:
				line += "  ·"
			}
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}
