/** The certificate library, which finds its parts by reflection: the polyfill must come first. */
import 'reflect-metadata'

export * as x509 from '@peculiar/x509'
