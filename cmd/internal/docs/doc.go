// Package docs runs the commands that the project's documents show. It has tests only.
package docs
