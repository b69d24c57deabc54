// Package config reads the dispatcher's settings: flag over environment over
// file over default. One table ([Settings]) names every setting with its file
// key, variables, default and meaning, and everything else follows from it:
// loading, unknown keys, the file that init-config writes, the summary at start.
//
// A setting that is wrong is an [Error] of one line that names it as the user
// wrote it, its value (never a secret's), why it is wrong, and the remedy.
// Secrets are of type [Secret], which no formatting reveals.
package config
