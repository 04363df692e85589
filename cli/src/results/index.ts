export { createResultPrinter, type ResultOptions, type ResultPrinter, type Subject, writeQuery } from './result-printer.ts'
