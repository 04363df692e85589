#!/usr/bin/env node
// A file of its own, since npm links commands before dist/ is built.
import '../dist/main.js'
