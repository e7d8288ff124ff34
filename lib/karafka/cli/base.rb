# frozen_string_literal: true

module Karafka
  module Cli
    # What commands of an application's own inherit from, as in Karafka. The class has to be loaded by `karafka.rb`.
    #
    # @example
    #   class Report < Karafka::Cli::Base
    #     desc "Print what is behind"
    #     option :limit, "Print this many at most", Integer, ["-l"]
    #     aliases :rep
    #
    #     def call
    #       puts options.fetch(:limit, 10)
    #     end
    #   end
    #   # karafka report --limit 5
    class Base
      # An option of a command.
      Option = Struct.new(:name, :desc, :type, :names)
      private_constant :Option

      class << self
        # @param text [String, nil] what the command does
        # @return [String, nil] without an argument
        def desc(text = nil)
          text ? @desc = text : @desc
        end

        # @param name [Symbol]
        # @param desc [String]
        # @param type [Class] Integer, Float, Array, String; TrueClass for a switch
        # @param names [Array<String>] further names, such as "-l"
        # @return [void]
        def option(name, desc = "", type = String, names = [])
          own_options << Option.new(name.to_sym, desc, type, names)
        end

        # @param names [Array<Symbol, String>] further names of the command
        # @return [Array<String>]
        def aliases(*names)
          @aliases = [*@aliases, *names.map(&:to_s)]
        end

        # @return [String] of the command: that of the class, in snake case
        def command_name
          Helpers::Inflector.map(name.to_s.split("::").last.to_s)
        end
        # Its name in Karafka.
        alias name_of_command command_name

        # @return [Array<Class<Base>>] all commands that are loaded
        def commands
          Base.known
        end

        # @param given [String]
        # @return [Class<Base>, nil]
        def find(given)
          Base.known.reverse.find { |command| [command.command_name, *command.aliases].include?(given) }
        end

        # One that only the application's boot file knows makes that loaded.
        # @param given [String, nil]
        # @param known [Array<String>] names that are taken
        # @return [Class<Base>, nil]
        def find!(given, known)
          return if given.nil? || known.include?(given)

          found = find(given)
          return found if found || !BootFile.available?

          Boot.load!
          find(given)
        end

        # @param argv [Array<String>] what comes behind the name
        # @return [Object] what `call` gives
        # @raise [Errors::CommandError]
        def start(argv)
          # Takes longer to load than all of the commands, which have no use for it.
          require "optparse"
          options = {}
          rest = parser(options).parse(argv)
          rest.empty? || instance_method(:call).arity != 0 or
            raise Errors::CommandError, "#{command_name} takes no #{rest.first.inspect}"
          new(options).call(*rest)
        rescue OptionParser::ParseError => e
          raise Errors::CommandError, "#{command_name}: #{e.message}. `karafka #{command_name} --help` prints what there is"
        end

        # @api private
        def known = @known ||= []

        private

        def inherited(command)
          super
          Base.known << command
        end

        def own_options = @own_options ||= []

        def parser(options)
          OptionParser.new("Usage: karafka #{command_name}#{"\n#{desc}" if desc}") do |parser|
            own_options.each do |option|
              long = "--#{option.name.to_s.tr("_", "-")}"
              switch = [TrueClass, FalseClass].include?(option.type)
              parser.on(*option.names, switch ? "--[no-]#{long.delete_prefix("--")}" : "#{long} VALUE", *(option.type unless switch),
                        option.desc) { |value| options[option.name] = value }
            end
          end
        end
      end

      # @return [Hash{Symbol=>Object}] what the command was called with
      attr_reader :options

      # @param options [Hash{Symbol=>Object}]
      def initialize(options = {})
        @options = options
      end

      # What you define.
      # @return [void]
      def call(*)
        raise NotImplementedError, "#{self.class} needs a method call, which does what the command is for"
      end
    end
  end
end
